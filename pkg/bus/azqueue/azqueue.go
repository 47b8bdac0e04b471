// Package azqueue publishes to a queue of Azure Queue Storage: a message is the
// CloudEvent in structured mode, in base64 unless Config.Encoding says otherwise, which
// is what the queue trigger of Azure Functions expects.
//
// It speaks the service's REST API (Put Message). Keys of the account are not supported:
// requests are signed by Entra ID. The service keeps no order.
package azqueue

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azurebus"
)

const (
	// maxBytes is the limit of a message as it is sent: 64 KiB.
	maxBytes = 64 << 10
	// scope is that of Azure Storage in every cloud.
	scope = "https://storage.azure.com/.default"
	// version is that of the service's API. Tokens need 2017-11-09, and messages that
	// never expire 2017-07-29.
	version = "2021-12-02"
	role    = "Storage Queue Data Message Sender"
)

// Config is a queue. It prints as its name.
type Config struct {
	// Account is the storage account's name, Name the queue's. It is not made here.
	Account, Name string
	// Endpoint is the account's queue service, such as
	// https://account.queue.core.usgovcloudapi.net. Empty means the public cloud. Plain
	// HTTP is for this machine.
	Endpoint string `option:"endpoint"`
	// Encoding is how the text of a message is written: base64, which is the default of
	// Azure Functions (messageEncoding in host.json), or text, as it is. "" is base64.
	Encoding string `option:"encoding=base64|text"`
	// TTL is how long a message is kept. The zero value is forever: what expires is lost.
	TTL TTL `option:"ttl"`
	// Access is how to sign in.
	Access azurebus.Access
}

var errAddress = errors.New("is not of the form azqueue://account/queue")

// Parse reads the address of a queue: //account/queue. The error does not quote it.
func Parse(address string) (Config, error) {
	rest, found := strings.CutPrefix(address, "//")
	account, name, _ := strings.Cut(rest, "/")
	c := Config{Account: account, Name: name}
	if !found {
		return Config{}, errAddress
	}
	return c, c.check()
}

// check follows the rules for the names of storage accounts and of queues. Anything else
// may hold a credential.
func (c Config) check() error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	isAccount := len(c.Account) >= 3 && len(c.Account) <= 24 && strings.Trim(c.Account, letters) == ""
	isName := len(c.Name) >= 3 && len(c.Name) <= 63 && strings.Trim(c.Name, letters+"-") == "" &&
		c.Name[0] != '-' && c.Name[len(c.Name)-1] != '-' && !strings.Contains(c.Name, "--")
	if !isAccount || !isName {
		return errAddress
	}
	return nil
}

// String names the queue.
func (c Config) String() string { return "queue " + c.Name }

// TTL is how long a message is kept, 0 for ever.
type TTL time.Duration

// UnmarshalText reads never, or a duration in whole seconds such as 168h.
func (t *TTL) UnmarshalText(text []byte) error {
	if string(text) == "never" {
		*t = 0
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second || d%time.Second != 0 || d/time.Second > math.MaxInt32 {
		return errors.New("is never, or a duration in whole seconds such as 168h")
	}
	*t = TTL(d)
	return nil
}

// seconds is the value of messagettl.
func (t TTL) seconds() string {
	if t == 0 {
		return "-1"
	}
	return strconv.FormatInt(int64(time.Duration(t)/time.Second), 10)
}

// New returns the queue's driver; see [azurebus.New].
func New(c Config) (*azurebus.Driver, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := azurebus.Spec{
		Service: "Azure Queue Storage", Resource: c.String(), Role: role, Scope: scope,
		URL: "https://" + c.Account + ".queue.core.windows.net", Endpoint: c.Endpoint, Path: c.Name + "/messages",
		Query: url.Values{"messagettl": {c.TTL.seconds()}}, Header: http.Header{"X-Ms-Version": {version}},
		ContentType: "application/xml", Success: http.StatusCreated,
		Body: body, Check: check, Remedy: c.remedy,
		Probe: azurebus.Probe{Path: c.Name, Query: url.Values{"comp": {"metadata"}}, Body: []byte("<Probe/>")},
	}
	switch c.Encoding {
	case "", "base64":
		// What is counted is the text before it is encoded.
		s.Append, s.Limits = appendBase64, limits(base64.StdEncoding.DecodedLen(maxBytes))
	case "text":
		s.Append, s.Limits = appendText, limits(maxBytes)
	default:
		return nil, fmt.Errorf("the encoding of the %s is base64 or text", c)
	}
	return azurebus.New(c.Access, s)
}

// limits are those of Put Message: one message a request.
func limits(entry int) bus.Limits { return bus.Limits{Entries: 1, Bytes: entry, EntryBytes: entry} }

func appendBase64(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendJSON(dst)
	end := len(dst)
	dst = base64.StdEncoding.AppendEncode(dst, dst[start:end])
	return dst[:start+copy(dst[start:], dst[end:])], end - start, nil
}

// appendText appends the event as XML has it. Its size is that, which is the larger one.
func appendText(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendXMLSafe(dst)
	if bytes.ContainsAny(dst[start:], "&<>") {
		text := bytes.Clone(dst[start:])
		dst = dst[:start]
		for _, c := range text {
			switch c {
			case '&':
				dst = append(dst, "&amp;"...)
			case '<':
				dst = append(dst, "&lt;"...)
			case '>':
				dst = append(dst, "&gt;"...)
			default:
				dst = append(dst, c)
			}
		}
	}
	return dst, len(dst) - start, nil
}

// body is the one of Put Message.
func body(batch []bus.Entry) []byte {
	const start, end = "<QueueMessage><MessageText>", "</MessageText></QueueMessage>"
	text := append(make([]byte, 0, len(start)+len(batch[0].Body)+len(end)), start...)
	return append(append(text, batch[0].Body...), end...)
}

// check requires the answer to Put Message to name the message that it made.
func check(text []byte) error {
	var list struct {
		XMLName  xml.Name `xml:"QueueMessagesList"`
		Messages []struct {
			ID string `xml:"MessageId"`
		} `xml:"QueueMessage"`
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if err := xml.Unmarshal(text, &list); err != nil {
		return err
	}
	if len(list.Messages) != 1 || list.Messages[0].ID == "" {
		return errors.New("the answer names no message")
	}
	return nil
}

// remedy says what to do about an answer. The codes are those of the service's lists of
// common and of queue error codes.
func (c Config) remedy(_ int, code string) string {
	switch code {
	case "QueueNotFound":
		return "make it (az storage queue create --auth-mode login --account-name " + c.Account + " --name " + c.Name + "), or correct its name in the sink's URL"
	case "QueueBeingDeleted", "QueueDisabled":
		return "the queue is being deleted or disabled: choose another"
	case "AccountIsDisabled":
		return "the storage account " + c.Account + " is disabled: enable it, or choose another"
	case "AuthorizationPermissionMismatch", "InsufficientAccountPermissions":
		return "give the identity the role " + role + " on the queue " + c.Name + " (it takes effect after some minutes)"
	case "AuthorizationFailure":
		return "the network rules of the storage account " + c.Account + " forbid it: allow this network, and the role " + role
	case "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation":
		return "the token is not for this account, or has expired: check that the identity is of the account's tenant, and the clock"
	}
	return ""
}
