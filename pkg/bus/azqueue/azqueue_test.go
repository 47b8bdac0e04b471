package azqueue_test

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azqueue"
	"github.com/rollcall-dev/rollcall/pkg/bus/azurebus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

const (
	address = "//contoso/people"
	scope   = "https://storage.azure.com/.default"
)

// put is the body of Put Message.
type put struct {
	XMLName     xml.Name `xml:"QueueMessage"`
	MessageText string
}

// messages takes the message out of a Put Message, as the service's REST reference has it.
func messages(t *testing.T, encoding, ttl string) func(*http.Request) []bustest.Message {
	return func(r *http.Request) []bustest.Message {
		if r.Method != http.MethodPost || r.URL.Path != "/people/messages" || r.URL.RawQuery != "messagettl="+ttl || r.Host != "contoso.queue.core.windows.net" {
			t.Errorf("%s %s%s", r.Method, r.Host, r.URL)
		}
		if version := r.Header.Get("x-ms-version"); version < "2017-11-09" || r.Header.Get("Content-Type") != "application/xml" {
			t.Errorf("version %q, type %q", version, r.Header.Get("Content-Type"))
		}
		text, err := io.ReadAll(r.Body)
		var message put
		if err == nil {
			bustest.WantXML(t, string(text))
			err = xml.Unmarshal(text, &message)
		}
		if err != nil {
			t.Errorf("%v: %.300s", err, text)
		}
		sent := message.MessageText
		if len(sent) > 64<<10 {
			t.Errorf("MessageTooLarge: %d bytes", len(sent))
		}
		m := bustest.Message{Body: []byte(sent), Size: len(sent)}
		if encoding == "base64" {
			if m.Body, err = base64.StdEncoding.DecodeString(sent); err != nil {
				t.Error(err)
			}
			m.Size = len(m.Body)
		} else {
			m.Size = len(text) - len("<QueueMessage><MessageText></MessageText></QueueMessage>")
		}
		return []bustest.Message{m}
	}
}

// made is an answer to Put Message, with the mark before it that the service writes.
const made = "\ufeff" + `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage>` +
	`<MessageId>5974b586-0df3-4e2d-ad0c-18e3892bfca2</MessageId><InsertionTime>Fri, 09 Oct 2026 21:04:30 GMT</InsertionTime>` +
	`<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>YzQ4Yzg1MDIt</PopReceipt>` +
	`<TimeNextVisible>Fri, 09 Oct 2026 23:29:20 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>`

func answer(w http.ResponseWriter, fault bustest.Fault) {
	status, code := http.StatusCreated, ""
	switch fault {
	case bustest.None:
	case bustest.Throttle:
		status, code = http.StatusServiceUnavailable, "ServerBusy"
	case bustest.Deny:
		status, code = http.StatusForbidden, "AuthorizationPermissionMismatch"
	default:
		status, code = http.StatusBadRequest, "InvalidXmlDocument"
	}
	if code == "" {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, made)
		return
	}
	w.Header().Set("x-ms-error-code", code)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "\ufeff<?xml version=\"1.0\"?><Error><Code>"+code+"</Code><Message>kim@contoso.com sent this</Message></Error>")
}

func open(encoding string, entry int) bustest.Open {
	return func(t *testing.T) bustest.Bus {
		d := &bustest.Double{Limits: bus.Limits{Entries: 1, Bytes: entry, EntryBytes: entry}, Whole: true}
		by := &bustest.Credential{Scope: scope}
		c := bustest.Parse(t, azqueue.Parse, address)
		c.Encoding = encoding
		return bustest.Bus{Driver: driver(t, c, by, bustest.Client(bustest.Azure(t, d, by, messages(t, encoding, "-1"), answer))), Double: d}
	}
}

func driver(t *testing.T, c azqueue.Config, by *bustest.Credential, transport policy.Transporter) bus.Driver {
	t.Helper()
	c.Access = azurebus.Access{Credential: by, Options: policy.ClientOptions{Transport: transport}}
	d, err := azqueue.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// 64 KiB of base64 hold 48 KiB.
func TestConformanceInBase64(t *testing.T) { bustest.Run(t, open("base64", 48<<10)) }

func TestConformanceInText(t *testing.T) { bustest.Run(t, open("text", 64<<10)) }

// sent returns the body of the request for an event.
func sent(t *testing.T, c azqueue.Config, e bus.Event) (body, query string) {
	t.Helper()
	d := driver(t, c, &bustest.Credential{Scope: scope}, bustest.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body, query = string(text), r.URL.RawQuery
		answer(w, bustest.None)
	})))
	p := bus.New(d, bus.Options{})
	defer p.Close()
	if err := p.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return body, query
}

func TestAMessageIsInBase64UnlessItIsToBeText(t *testing.T) {
	e := bus.Event{ID: "1", Source: "urn:a", Type: "t", Data: []byte(`{"n":"<a> & \u000b"}`)}
	for encoding, want := range map[string]string{
		"": "eyJzcGVjdmVyc2lvbiI6IjEuMCIsImlkIjoiMSIsInNvdXJjZSI6InVybjphIiwidHlwZSI6InQiLCJkYXRhY29udGVudHR5cGUiOiJhcHBsaWNhdGlvbi9qc29uIiwiZGF0YSI6eyJuIjoiPGE+ICYgXHUwMDBiIn19",
		"text": `{"specversion":"1.0","id":"1","source":"urn:a","type":"t","datacontenttype":"application/json",` +
			`"data":{"n":"&lt;a&gt; &amp; \u000b"}}`,
	} {
		body, _ := sent(t, azqueue.Config{Account: "contoso", Name: "people", Encoding: encoding}, e)
		if want = "<QueueMessage><MessageText>" + want + "</MessageText></QueueMessage>"; body != want {
			t.Errorf("%q: %s\nwant %s", encoding, body, want)
		}
	}
	if _, err := azqueue.New(azqueue.Config{Account: "contoso", Name: "people", Encoding: "hex", Access: azurebus.Access{Credential: &bustest.Credential{}}}); err == nil {
		t.Error("another encoding is taken")
	}
}

func TestAMessageIsKeptForeverUnlessItsTimeIsSet(t *testing.T) {
	for text, want := range map[string]string{
		"never": "-1", "1s": "1", "168h": "604800", "2160h0m1s": "7776001",
		"": "", "0s": "", "-1s": "", "-1": "", "500ms": "", "1500ms": "", "7": "", "7d": "", "secret": "", "999999h": "",
	} {
		var ttl azqueue.TTL
		err := ttl.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if err != nil {
			continue
		}
		if _, query := sent(t, azqueue.Config{Account: "contoso", Name: "people", TTL: ttl}, bustest.User(1, 0)); query != "messagettl="+want {
			t.Errorf("%q: %s, want %s", text, query, want)
		}
	}
}

func TestAQueueIsGivenByItsAccountAndName(t *testing.T) {
	for text, want := range map[string]string{
		"//contoso/people": "contoso people", "//a1b/q-1-x": "a1b q-1-x", "//contoso/" + strings.Repeat("q", 63): "contoso " + strings.Repeat("q", 63),
		"contoso/people": "", "//contoso": "", "//contoso/": "", "///people": "", "//contoso/people/": "", "//contoso/people/more": "", "//ab/people": "",
		"//contoso.queue.core.windows.net/people": "", "//con-toso/people": "", "//Contoso/people": "", "//contoso/pe": "", "//contoso/-people": "",
		"//contoso/people-": "", "//contoso/pe--ople": "", "//contoso/People": "", "//contoso/pe_ople": "", "//contoso/people?sig=secretsecret": "",
		"//user:secretsecret@contoso/people": "", "//contoso/people#x": "", "//contoso/%70eople": "", "//contoso/" + strings.Repeat("q", 64): "",
		"//" + strings.Repeat("c", 25) + "/people": "", "//contos\u0131/people": "", "": "", "//": "",
	} {
		c, err := azqueue.Parse(text)
		if (err == nil) != (want != "") || err == nil && c.Account+" "+c.Name != want {
			t.Errorf("%s is %+v, %v", text, c, err)
		}
		if err != nil && strings.Contains(err.Error(), "secretsecret") {
			t.Error(err)
		}
	}
}

func TestOnlyAnAnswerThatNamesTheMessageAcknowledgesIt(t *testing.T) {
	for _, text := range []string{
		"", "<", "<html/>", "<QueueMessagesList/>", "<QueueMessagesList><QueueMessage/></QueueMessagesList>", strings.ReplaceAll(made, "QueueMessagesList", "Other"),
		"<QueueMessagesList>" + strings.Repeat("<QueueMessage><MessageId>1</MessageId></QueueMessage>", 2) + "</QueueMessagesList>",
		strings.TrimSuffix(made, "</QueueMessagesList>"), strings.Repeat("<QueueMessagesList>", 20_000),
	} {
		d := driver(t, bustest.Parse(t, azqueue.Parse, address), &bustest.Credential{Scope: scope}, bustest.Client(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, text)
		})))
		_, err := d.Send(t.Context(), []bus.Entry{{Body: []byte("e30=")}})
		if refusal := (*bus.Refusal)(nil); !errors.As(err, &refusal) || !refusal.Retry {
			t.Errorf("%.80q acknowledges a message: %v", text, err)
		}
	}
}

func TestTheRemedyNamesWhatIsToBeDone(t *testing.T) {
	for code, want := range map[string]string{
		"AuthorizationPermissionMismatch": "give the identity the role Storage Queue Data Message Sender on the queue people",
		"QueueNotFound":                   "az storage queue create --auth-mode login --account-name contoso --name people",
		"AccountIsDisabled":               "the storage account contoso is disabled",
		"QueueBeingDeleted":               "choose another",
		"AuthorizationFailure":            "the network rules of the storage account contoso",
		"InvalidAuthenticationInfo":       "the identity is of the account's tenant",
		"SomethingElse":                   "the role Storage Queue Data Message Sender",
	} {
		d := driver(t, bustest.Parse(t, azqueue.Parse, address), &bustest.Credential{Scope: scope}, bustest.Client(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-error-code", code)
			w.WriteHeader(http.StatusForbidden)
		})))
		_, err := d.Send(t.Context(), []bus.Entry{{Body: []byte("e30=")}})
		var refusal *bus.Refusal
		if !errors.As(err, &refusal) || refusal.Retry || refusal.Code != code || !strings.Contains(refusal.Remedy, want) {
			t.Errorf("%s: %v, want %q", code, err, want)
		}
	}
}

func TestAQueueIsTriedWithoutAMessage(t *testing.T) {
	for code, want := range map[int]string{
		http.StatusBadRequest: "", http.StatusForbidden: "does not allow this identity to publish", http.StatusNotFound: "does not exist", http.StatusCreated: "took a request without a message",
	} {
		d := driver(t, bustest.Parse(t, azqueue.Parse, address), &bustest.Credential{Scope: scope}, bustest.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil || xml.Unmarshal(text, new(put)) == nil {
				t.Errorf("%q was sent, %v", text, err)
			}
			if r.Method == http.MethodGet && r.URL.String() == "/people?comp=metadata" && code != http.StatusNotFound {
				w.WriteHeader(http.StatusForbidden) // as to those who may only send
				return
			}
			w.WriteHeader(code)
		})))
		err := d.(*azurebus.Driver).Probe(t.Context())
		var refusal *bus.Refusal
		if want == "" && err != nil || want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d: %v, want %q", code, err, want)
		}
	}
}

func TestAnotherCloudIsAnEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "https://contoso.queue.core.windows.net/people/messages", "https://contoso.queue.core.usgovcloudapi.net/": "https://contoso.queue.core.usgovcloudapi.net/people/messages",
		"http://127.0.0.1:10001/devstoreaccount1": "http://127.0.0.1:10001/devstoreaccount1/people/messages", "HTTP://localhost:1": "http://localhost:1/people/messages",
		"http://contoso.queue.core.windows.net": "", "http://localhost.example": "", "https://user:secret@host": "", "https://host?x": "", "https://host#": "", "file:///x": "",
	} {
		var got string
		c := bustest.Parse(t, azqueue.Parse, address)
		c.Endpoint, c.Access = endpoint, azurebus.Access{Credential: &bustest.Credential{Scope: scope}, Options: policy.ClientOptions{
			Transport: bustest.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				at := *r.URL
				at.RawQuery = ""
				got = at.String()
				answer(w, bustest.None)
			})),
		}}
		d, err := azqueue.New(c)
		if (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", endpoint, err)
		}
		if err != nil {
			continue
		}
		if _, err := d.Send(t.Context(), []bus.Entry{{Body: []byte("e30=")}}); err != nil || got != want {
			t.Errorf("%q: %s, want %s: %v", endpoint, got, want, err)
		}
	}
}
