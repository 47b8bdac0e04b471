package sink

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azqueue"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventgrid"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
	"github.com/rollcall-dev/rollcall/pkg/bus/sns"
	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/file"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

// kind is a kind of sink: either a store or a bus.
type kind struct {
	// scheme is that of its URLs.
	scheme string
	store  func(address string, o options) (*Store, error)
	bus    func(address string, o options) (*Bus, error)
	// fragment says that the URL itself is the address, and its fragment the
	// options: the query is the receiver's.
	fragment bool
	// tables and signed: see Store.Tables and Bus.Signed.
	tables, signed bool
}

// kinds is the one table of the kinds of sinks. A row names the package's Config,
// whose tags are the options, by the function that parses an address into it.
func kinds() []kind {
	return []kind{
		{scheme: "s3", store: objects(s3.Parse, openS3), tables: true},
		{scheme: "azblob", store: objects(azblob.Parse, openBlob)},
		{scheme: "file", store: objects(file.Parse, openFolder)},
		{scheme: "eventbridge", bus: messages(eventbridge.Parse, onAWS(eventbridge.New))},
		{scheme: "sns", bus: messages(sns.Parse, onAWS(sns.New))},
		{scheme: "sqs", bus: messages(sqs.Parse, onAWS(sqs.New))},
		{scheme: "kinesis", bus: messages(kinesis.Parse, onAWS(kinesis.New))},
		{scheme: "firehose", bus: messages(firehose.Parse, onAWS(firehose.New))},
		{scheme: "eventgrid", bus: messages(eventgrid.Parse, openTopic)},
		{scheme: "azqueue", bus: messages(azqueue.Parse, openQueue)},
		{scheme: "https", bus: messages(https.Parse, openWebhook), fragment: true, signed: true},
	}
}

// parse parses the URL of a sink: one of its results is set. bare refuses the options
// that say how a list is stored.
func parse(text string, bare bool) (*Store, *Bus, error) {
	scheme, rest, found := strings.Cut(text, ":")
	if !found || !isWord(scheme) { // people paste connection strings, which have a colon too
		return nil, nil, errors.New("a destination is not a URL; write for instance s3://bucket/prefix, file:///folder or sqs:<queue URL>")
	}
	scheme = strings.ToLower(scheme)
	s, b, err := parseAs(scheme, text, rest, bare)
	if err != nil { // one line a sink, which says which kind it is of
		return nil, nil, errors.New(scheme + ": " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return s, b, nil
}

func parseAs(scheme, whole, rest string, bare bool) (s *Store, b *Bus, err error) {
	k, err := find(scheme)
	if err != nil {
		return nil, nil, err
	}
	address, query, _ := strings.Cut(rest, "?")
	if k.fragment {
		address, query, _ = strings.Cut(whole, "#")
	}
	o, err := parseOptions(query)
	if err != nil {
		return nil, nil, err
	}
	o.bare = bare
	if k.store != nil {
		if s, err = k.store(address, o); err == nil {
			s.Kind, s.Tables = k.scheme, k.tables
		}
		return s, nil, err
	}
	if b, err = k.bus(address, o); err == nil {
		b.Kind, b.Signed = k.scheme, k.signed
	}
	return nil, b, err
}

// isWord tells the name of a kind or an option, known or not, from what may be a secret.
func isWord(text string) bool {
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return text != "" && len(text) <= 20
}

func find(scheme string) (kind, error) {
	var all []string
	for _, k := range kinds() {
		if k.scheme == scheme {
			return k, nil
		}
		all = append(all, k.scheme)
	}
	return kind{}, errors.New("is not a kind of destination; there are " + enumerate(all, "and"))
}

// objects is a kind of store.
func objects[C fmt.Stringer](parse func(address string) (C, error), open func(context.Context, *Access, C, string) (snapshot.Store, error)) func(string, options) (*Store, error) {
	return func(address string, o options) (*Store, error) {
		s := &Store{Layout: Layout{Format: "ndjson", PartSize: defaultPartSize}}
		c, err := parse(address)
		if err := errors.Join(o.decode(&s.Layout, &c), err); err != nil {
			return nil, err
		}
		s.place = c.String()
		s.open = func(ctx context.Context, by *Access, below string) (snapshot.Store, error) {
			return open(ctx, by, c, below)
		}
		return s, nil
	}
}

// messages is a kind of bus.
func messages[C fmt.Stringer](parse func(address string) (C, error), open func(context.Context, *Access, C) (bus.Driver, error)) func(string, options) (*Bus, error) {
	return func(address string, o options) (*Bus, error) {
		b := &Bus{}
		c, err := parse(address)
		if err := errors.Join(o.decode(&b.Feed, &c), err); err != nil {
			return nil, err
		}
		b.name = c.String()
		b.open = func(ctx context.Context, by *Access) (bus.Driver, error) { return open(ctx, by, c) }
		return b, nil
	}
}

func openS3(ctx context.Context, by *Access, c s3.Config, below string) (snapshot.Store, error) {
	cfg, err := by.aws(ctx)
	if err != nil {
		return nil, err
	}
	c.Prefix = path.Join(c.Prefix, below)
	return s3.New(cfg, c)
}

func openBlob(_ context.Context, by *Access, c azblob.Config, below string) (snapshot.Store, error) {
	c.Prefix = path.Join(c.Prefix, below)
	if err := by.signIn(&c); err != nil {
		return nil, err
	}
	return azblob.New(c)
}

func openFolder(_ context.Context, _ *Access, c file.Config, below string) (snapshot.Store, error) {
	return file.New(filepath.Join(c.Dir, filepath.FromSlash(below)))
}

// onAWS opens a bus of AWS.
func onAWS[C any](open func(aws.Config, C) (*awsbus.Driver, error)) func(context.Context, *Access, C) (bus.Driver, error) {
	return func(ctx context.Context, by *Access, c C) (bus.Driver, error) {
		cfg, err := by.aws(ctx)
		if err != nil {
			return nil, err
		}
		return open(cfg, c)
	}
}

func openTopic(_ context.Context, by *Access, c eventgrid.Config) (bus.Driver, error) {
	var err error
	if c.Access.Credential, err = by.identity("Event Grid"); err != nil {
		return nil, err
	}
	return eventgrid.New(c)
}

func openQueue(_ context.Context, by *Access, c azqueue.Config) (bus.Driver, error) {
	var err error
	if c.Access.Credential, err = by.identity("Azure Queue Storage"); err != nil {
		return nil, err
	}
	return azqueue.New(c)
}

func openWebhook(ctx context.Context, by *Access, c https.Config) (bus.Driver, error) {
	var err error
	if c.Keys, err = by.Keys(ctx); err != nil {
		return nil, err
	}
	return https.New(c)
}
