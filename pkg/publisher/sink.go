package publisher

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// sink is one destination as its URL describes it.
type sink struct {
	// kind is the URL's scheme.
	kind string
	// address is what the kind's own package takes: a bucket, a folder, an ARN, a URL.
	address string
	// path is the prefix within a store.
	path    string
	options options
}

// isStore tells the kinds that keep objects.
func isStore(kind string) bool { return kind == "s3" || kind == "azblob" || kind == "file" }

// parseSink takes a destination's URL apart. No error of it quotes the URL, which
// may hold a token; kinds and the names of options are quoted.
func parseSink(text string) (*sink, error) {
	kind, rest, ok := strings.Cut(text, ":")
	if !ok || !isScheme(kind) { // people paste connection strings, which have a colon too
		return nil, errors.New("a destination is not a URL; write for instance s3://bucket/prefix, file:///folder or sqs:<queue URL>")
	}
	s := &sink{kind: strings.ToLower(kind)}
	var query string
	if s.kind == "https" {
		s.address, query, _ = strings.Cut(text, "#") // the query is the webhook's own
	} else {
		s.address, query, _ = strings.Cut(rest, "?")
	}
	var err error
	if s.options, err = parseOptions(query); err == nil {
		err = s.check()
	}
	if err != nil {
		// One line a sink, which says which it is.
		return nil, errors.New(s.kind + ": " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return s, nil
}

// isScheme tells a kind, known or not, from what may be a secret.
func isScheme(kind string) bool {
	for _, r := range kind {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return kind != "" && len(kind) <= 20
}

// parseSinks takes all destinations apart. Two at one place would overwrite each
// other's manifest, and with it one of the lists.
func parseSinks(texts []string) ([]*sink, error) {
	var (
		sinks    []*sink
		problems []error
	)
	places := map[string]bool{}
	for _, text := range texts {
		s, err := parseSink(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if place := s.kind + ":" + strings.TrimRight(s.address, "/") + "/" + s.path; isStore(s.kind) && places[place] {
			problems = append(problems, errors.New(s.kind+": two destinations are at the same place; give each a prefix or a folder of its own"))
		} else {
			places[place] = true
		}
		sinks = append(sinks, s)
	}
	return sinks, errors.Join(problems...)
}

// check splits the address where its kind needs that, and refuses options that
// the kind does not know.
func (s *sink) check() error {
	known := []string{"users"}
	switch s.kind {
	case "s3":
		known = []string{"format", "compression", "part-size", "kms-key", "region", "retention"}
		return errors.Join(s.options.only(known), s.place(1, "s3://bucket/prefix"), s.layout())
	case "azblob":
		known = []string{"format", "compression", "part-size", "endpoint"}
		return errors.Join(s.options.only(known), s.place(2, "azblob://account/container/prefix"), s.layout())
	case "file":
		known = []string{"format", "compression", "part-size"}
		return errors.Join(s.options.only(known), s.folder(), s.layout())
	case "eventbridge", "kinesis", "firehose":
		s.address = strings.TrimPrefix(s.address, "//")
		if s.kind != "firehose" {
			known = append(known, "max-bytes")
		}
	case "sns", "sqs":
		known = append(known, "max-bytes")
	case "https":
		known = append(known, "batch", "private", "max-bytes")
	default:
		return errors.New("is not a kind of destination; there are s3, azblob, file, eventbridge, sns, sqs, kinesis, firehose and https")
	}
	return errors.Join(s.options.only(known), s.busOptions(), s.checkAddress())
}

// place splits what stands before the prefix from it: a bucket, or an account and
// a container.
func (s *sink) place(names int, form string) error {
	rest, ok := strings.CutPrefix(s.address, "//")
	parts := strings.SplitN(rest, "/", names+1)
	if !ok || len(parts) < names || slices.Contains(parts[:names], "") {
		return errors.New("is not of the form " + form)
	}
	s.address = strings.Join(parts[:names], "/")
	if len(parts) > names {
		s.path = strings.Trim(parts[names], "/")
	}
	if _, err := store.Prefix(s.path); err != nil {
		// Its text quotes the prefix.
		return errors.New("its prefix has an empty name, a dot for one, or a character that no key has")
	}
	return nil
}

func (s *sink) folder() error {
	escaped, ok := strings.CutPrefix(s.address, "//")
	folder, err := url.PathUnescape(escaped)
	if !ok || err != nil || !strings.HasPrefix(folder, "/") {
		return errors.New("is not of the form file:///folder")
	}
	if local := strings.TrimPrefix(folder, "/"); filepath.VolumeName(local) != "" {
		folder = local // a drive of Windows: file:///C:/folder
	}
	s.address = path.Clean(folder) // one name for one place
	return nil
}

// layout checks what objects are to look like.
func (s *sink) layout() error {
	if !slices.Contains([]string{"", "ndjson", "csv", "parquet"}, s.options["format"]) {
		return errors.New("option format is ndjson, csv or parquet")
	}
	if !slices.Contains([]string{"", format.Gzip, format.Zstd, format.None}, s.options["compression"]) {
		return errors.New("option compression is gzip, zstd or none")
	}
	if how, ok := s.options["retention"]; ok && how != "tags" {
		return errors.New("option retention is tags, or left out")
	}
	_, err := s.partSize()
	return err
}

const defaultPartSize = 128 << 20

// partSize is the size at which the next object begins.
func (s *sink) partSize() (int64, error) {
	text, ok := s.options["part-size"]
	if !ok {
		return defaultPartSize, nil
	}
	number, isMebi := strings.CutSuffix(text, "MiB")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || !isMebi || n < 1 {
		return 0, errors.New("option part-size is a number of MiB, such as 128MiB")
	}
	return n << 20, nil
}

func (s *sink) busOptions() error {
	if users, ok := s.options["users"]; ok && users != "each" {
		return errors.New("option users is each, or left out")
	}
	if private, ok := s.options["private"]; ok && private != "allow" {
		return errors.New("option private is allow, or left out")
	}
	for _, name := range []string{"batch", "max-bytes"} {
		if _, err := s.options.number(name); err != nil {
			return err
		}
	}
	return nil
}

// options are the parameters of a sink's URL, each once.
type options map[string]string

func parseOptions(query string) (options, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("its options are not of the form name=value&name=value")
	}
	o := options{}
	for name, value := range values {
		if len(value) > 1 {
			return nil, fmt.Errorf("option %s is there %d times", name, len(value))
		}
		o[name] = value[0]
	}
	return o, nil
}

// only refuses any option that is not known.
func (o options) only(known []string) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("has no option %q; there are %s", name, strings.Join(known, ", ")))
		}
	}
	return errors.Join(problems...)
}

// number returns an option that counts something, 0 where it is left out.
func (o options) number(name string) (int, error) {
	text, ok := o[name]
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("option %s is a whole number above 0", name)
	}
	return n, nil
}
