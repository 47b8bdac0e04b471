package statemachines_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stepfunctions"
)

// server is shared, because it takes seconds to start.
var server *stepfunctions.Server

func TestMain(m *testing.M) {
	start := func(ctx context.Context) (err error) {
		server, err = stepfunctions.Start(ctx)
		return err
	}
	os.Exit(harness.Main(m, start, func() {
		if server != nil {
			server.Close()
		}
	}))
}

// function is a function of a test, which records its requests.
type function struct {
	mu     sync.Mutex
	seen   []request
	answer answerer
}

// answerer answers a function's calls, which count from 1.
type answerer func(call int, asked request) (any, error)

// request is all that a state machine may send.
type request struct {
	Run    string `json:"run"`
	Resume string `json:"resume,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	Accept string `json:"accept,omitempty"`
}

// result is what the function answers, as far as the state machine is concerned.
type result struct {
	Status   string `json:"status"`
	Run      string `json:"run"`
	Users    int    `json:"users"`
	Manifest string `json:"manifest,omitempty"`
	Resume   string `json:"resume,omitempty"`
}

func (f *function) invoke(_ context.Context, event json.RawMessage) (any, error) {
	var asked request
	decoder := json.NewDecoder(strings.NewReader(string(event)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return nil, fault("Request.Invalid", err.Error())
	}
	f.mu.Lock()
	f.seen = append(f.seen, asked)
	call := len(f.seen)
	f.mu.Unlock()
	return f.answer(call, asked)
}

func (f *function) requests() []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]request(nil), f.seen...)
}

// whole answers any request with a finished run.
func whole(_ int, asked request) (any, error) {
	return result{Status: "complete", Run: asked.Run, Users: 3, Manifest: "s3://b/p/runs/manifest.json"}, nil
}

// inTurn answers each call with the next of the answers, and those that are left
// with the last.
func inTurn(answers ...any) answerer {
	return func(call int, _ request) (any, error) {
		answer := answers[min(call, len(answers))-1]
		if err, failed := answer.(error); failed {
			return nil, err
		}
		return answer, nil
	}
}

// fault is an error of the function, refusal one of Lambda.
func fault(name, message string) error {
	return &stepfunctions.Fault{Type: name, Message: message}
}

func refusal(code string, status int) error {
	return &stepfunctions.Refusal{Code: code, Status: status}
}

// machine is the snapshot machine of one test, with its function and its topic.
type machine struct {
	arn   string
	topic *stepfunctions.Topic
	*function
}

func snapshot(t *testing.T, answer answerer) *machine {
	t.Helper()
	return snapshotLimited(t, 1200, answer)
}

// snapshotLimited is snapshot with a time limit for a slice, in seconds.
func snapshotLimited(t *testing.T, seconds int, answer answerer) *machine {
	t.Helper()
	name := resourceName(t)
	m := &machine{function: &function{answer: answer}, topic: topic(t, name)}
	m.arn = deploy(t, name, "snapshot.asl.json", map[string]string{
		"FunctionArn": server.Function(name, m.invoke), "TopicArn": m.topic.ARN,
	}, `"TimeoutSeconds":1200`, fmt.Sprintf(`"TimeoutSeconds":%d`, seconds))
	return m
}

// resourceName is the test's name as topics, functions and state machines may have it.
func resourceName(t *testing.T) string {
	return regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-")
}

func topic(t *testing.T, name string) *stepfunctions.Topic {
	t.Helper()
	made, err := server.Topic(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// deploy makes a state machine of infra/statemachine that does not wait long,
// with texts of its definition replaced.
func deploy(t *testing.T, name, file string, substitutions map[string]string, replace ...string) string {
	t.Helper()
	arn, err := server.Deploy(t.Context(), name, file, substitutions, replace...)
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

// run runs an execution to its end.
func run(t *testing.T, machine, name, input string) *stepfunctions.Execution {
	t.Helper()
	execution, err := server.Run(t.Context(), machine, name, input)
	if err != nil {
		t.Fatal(err)
	}
	return execution
}

// alarms are the topic's messages.
func alarms(t *testing.T, from *stepfunctions.Topic) []alarm {
	t.Helper()
	messages, err := from.Messages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []alarm
	for _, m := range messages {
		a := alarm{Subject: m.Subject}
		decoder := json.NewDecoder(strings.NewReader(m.Body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&a); err != nil {
			t.Fatalf("the alarm %q: %v", m.Body, err)
		}
		all = append(all, a)
	}
	return all
}

// alarm is the whole of what an alarm says.
type alarm struct {
	Subject   string   `json:"-"`
	Error     failure  `json:"error"`
	Run       string   `json:"run"`
	Request   *request `json:"request,omitempty"`
	Execution string   `json:"execution"`
}

// failure is an error as Step Functions has it.
type failure struct{ Error, Cause string }
