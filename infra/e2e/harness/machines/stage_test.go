package machines

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// folder is where the state machines are, seen from here.
const folder = "../../../statemachine"

// world is shared: starting one takes seconds.
var world *World

func TestMain(m *testing.M) {
	var err error
	if world, err = Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	world.Close()
	os.Exit(code)
}

// function is a function of a test. It is asked with whole requests, which it keeps.
type function struct {
	mu   sync.Mutex
	seen []request
	play func(call int, asked request) (any, error)
}

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
		return nil, &Fault{"Request.Invalid", err.Error()}
	}
	f.mu.Lock()
	f.seen = append(f.seen, asked)
	call := len(f.seen)
	f.mu.Unlock()
	return f.play(call, asked)
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

// in turn answers each call with the next of the answers, and the last again and again.
func inTurn(answers ...any) func(int, request) (any, error) {
	return func(call int, _ request) (any, error) {
		answer := answers[min(call, len(answers))-1]
		if err, failed := answer.(error); failed {
			return nil, err
		}
		return answer, nil
	}
}

// machine is the snapshot machine of one test, with its function and its topic.
type machine struct {
	arn   string
	topic *Topic
	*function
}

func snapshot(t *testing.T, play func(int, request) (any, error)) *machine {
	t.Helper()
	return snapshotLimited(t, 1200, play)
}

// snapshotLimited is snapshot with a time limit for a slice, in seconds.
func snapshotLimited(t *testing.T, seconds int, play func(int, request) (any, error)) *machine {
	t.Helper()
	name := nothingElse.ReplaceAllString(t.Name(), "-")
	m := &machine{function: &function{play: play}, topic: topic(t, name)}
	m.arn = create(t, name, "snapshot.asl.json", map[string]string{
		"FunctionArn": world.Function(name, m.invoke), "TopicArn": m.topic.ARN,
	}, `"TimeoutSeconds":1200`, fmt.Sprintf(`"TimeoutSeconds":%d`, seconds))
	return m
}

// nothingElse is what names of topics and state machines may not have.
var nothingElse = regexp.MustCompile(`[^A-Za-z0-9]+`)

func topic(t *testing.T, name string) *Topic {
	t.Helper()
	made, err := world.Topic(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// create makes a state machine of infra/statemachine that does not wait long,
// with texts of its definition replaced.
func create(t *testing.T, name, file string, substitutions map[string]string, replace ...string) string {
	t.Helper()
	definition, err := Definition(filepath.Join(folder, file), substitutions)
	if err != nil {
		t.Fatal(err)
	}
	if definition, err = Hurried(definition); err != nil {
		t.Fatal(err)
	}
	arn, err := world.Create(t.Context(), name, strings.NewReplacer(replace...).Replace(definition))
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

// run runs an execution to its end.
func run(t *testing.T, machine, name, input string) *Execution {
	t.Helper()
	execution, err := world.Run(t.Context(), machine, name, input)
	if err != nil {
		t.Fatal(err)
	}
	return execution
}

// alarms is what the topic was sent.
func alarms(t *testing.T, from *Topic) []alarm {
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
	Error     trouble  `json:"error"`
	Run       string   `json:"run"`
	Request   *request `json:"request,omitempty"`
	Execution string   `json:"execution"`
}

// trouble is an error as Step Functions has it.
type trouble struct{ Error, Cause string }
