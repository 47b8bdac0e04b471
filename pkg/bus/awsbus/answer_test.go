package awsbus_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
	"github.com/rollcall-dev/rollcall/pkg/bus/sns"
	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
)

// reply answers every request alike.
type reply struct {
	status int
	code   string // X-Amzn-ErrorType
	body   io.Reader
}

func (a *reply) Do(r *http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/x-amz-json-1.1"}}
	if a.code != "" {
		h.Set("X-Amzn-Errortype", a.code)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(a.body), Request: r, ContentLength: -1}, nil
}

// drivers are those of each service, all of which get the same answer, and the member by
// which each answer acknowledges an entry.
func drivers(t *testing.T, answer *reply) map[string]bus.Driver {
	t.Helper()
	cfg := aws.Config{Region: "eu-west-1", HTTPClient: answer, Credentials: credentials.NewStaticCredentialsProvider("id", "key", "")}
	all := map[string]bus.Driver{}
	add := func(acknowledgement string, d *awsbus.Driver, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all[acknowledgement] = d
	}
	at := func(name, kind string) awsbus.Address {
		return awsbus.Address{Name: name, ARN: "arn:aws:" + kind + ":eu-west-1:123456789012:" + name, Region: "eu-west-1"}
	}
	d, err := eventbridge.New(cfg, eventbridge.Config{Address: at("bus", "events")})
	add("EventId", d, err)
	d, err = kinesis.New(cfg, kinesis.Config{Address: at("stream", "kinesis")})
	add("SequenceNumber", d, err)
	d, err = firehose.New(cfg, firehose.Config{Address: at("stream", "firehose")})
	add("RecordId", d, err)
	d, err = sqs.New(cfg, sqs.Config{URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/q", Name: "q"})
	add("Id", d, err)
	d, err = sns.New(cfg, sns.Config{Address: at("topic", "sns")})
	add("Id>", d, err)
	return all
}

// FuzzAnswer has answers that no service gives. An entry is taken only where the answer
// says so, each failure is about an entry of the batch, and no error quotes the answer.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"Entries":[{"EventId":"1"},{"EventId":"2"},{"EventId":"3"}]}`, `{"Entries":[{"EventId":"1"},null,{"ErrorCode":"ThrottlingException","ErrorMessage":"canary"}]}`,
		`{"Entries":[{},{},{},{},{"EventId":"9"}]}`, `{"Records":[{"SequenceNumber":"1"},{"SequenceNumber":7},{"SequenceNumber":null}]}`, `{"RequestResponses":[{"RecordId":"1","ErrorCode":"x"}]}`,
		`{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"},{"Id":"0"},{"Id":"7"},{"Id":"-1"}],"Failed":[{"Id":"0"},{"Id":"2","Code":"X","SenderFault":true}]}`,
		`<PublishBatchResponse><PublishBatchResult><Successful><member><Id>0</Id></member><member><Id>+1</Id></member></Successful><Failed><member><Id>9</Id></member></Failed></PublishBatchResult></PublishBatchResponse>`,
		`<ErrorResponse><Error><Code>Throttling</Code><Message>canarycanarycanarycanarycanarycanary</Message></Error></ErrorResponse>`, `{"__type":"x#AccessDeniedException","message":"canary"}`,
		``, `null`, `[]`, `{`, `<`, `{"Entries":{}}`, `<html>`,
	} {
		f.Add(body, 200, "")
		f.Add(body, 400, "AccessDeniedException")
	}
	f.Add("", 0, "")
	f.Add("{}", 999, strings.Repeat("canary", 9)+" x")
	batch := make([]bus.Entry, 3)
	for i := range batch {
		batch[i] = bus.Entry{ID: string(rune('a' + i)), Source: "s", Type: "t", Subject: string(rune('a' + i)), Body: []byte("{}")}
	}
	f.Fuzz(func(t *testing.T, body string, status int, code string) {
		if strings.ContainsAny(code, "\r\n\x00") {
			return
		}
		var plain any
		text := body
		if json.Unmarshal([]byte(body), &plain) == nil {
			decoded, _ := json.Marshal(plain)
			text = string(decoded)
		}
		answer := &reply{status: status, code: code}
		for acknowledgement, d := range drivers(t, answer) {
			answer.body = strings.NewReader(body)
			failures, err := d.Send(t.Context(), batch)
			if err != nil {
				var refusal *bus.Refusal
				if !errors.As(err, &refusal) || strings.Contains(err.Error()+refusal.Remedy, "canarycanary") {
					t.Fatalf("%s: %v", d, err)
				}
				continue
			}
			last := -1
			for _, failure := range failures {
				if failure.Index <= last || failure.Index >= len(batch) || failure.Code == "" || strings.Contains(failure.Code, "canarycanary") {
					t.Fatalf("%s: %+v", d, failures)
				}
				last = failure.Index
			}
			if taken := len(batch) - len(failures); taken > strings.Count(text, acknowledgement) || taken > 0 && (status < 200 || status > 299) {
				t.Fatalf("%s: %d entries are taken by status %d and %s", d, taken, status, body)
			}
		}
	})
}

// endlessBody is an answer without an end.
type endlessBody struct{ read int }

func (e *endlessBody) Read(p []byte) (int, error) {
	e.read += len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestAnAnswerWithoutAnEndIsNotReadWhole(t *testing.T) {
	for _, status := range []int{200, 400} {
		answer := &reply{status: status}
		for _, d := range drivers(t, answer) {
			body := &endlessBody{}
			answer.body = body
			_, err := d.Send(t.Context(), []bus.Entry{{ID: "a", Source: "s", Type: "t", Body: []byte("{}")}})
			if refusal := (*bus.Refusal)(nil); !errors.As(err, &refusal) || body.read > 16<<20 {
				t.Errorf("%s, %d: %v after %d bytes", d, status, err, body.read)
			}
		}
	}
}
