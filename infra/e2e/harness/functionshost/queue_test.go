package functionshost_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

const workerFunction = `{"bindings":[{"type":"queueTrigger","name":"message","direction":"in","queueName":"%QUEUE%","connection":"Storage"}]}`

// account is an Azurite and a queue of its own for a test.
type account struct {
	*azurite.Queues
	t     *testing.T
	queue string
}

func (a account) send(text string) {
	a.t.Helper()
	if err := a.Send(a.t.Context(), a.queue, base64.StdEncoding.EncodeToString([]byte(text))); err != nil {
		a.t.Fatal(err)
	}
}

// received takes all messages of a queue, decoded.
func (a account) received(queue string) (texts []string) {
	a.t.Helper()
	messages, err := a.Receive(a.t.Context(), queue)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, m := range messages {
		text, err := base64.StdEncoding.DecodeString(m.Text)
		if err != nil {
			a.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// left is how many messages a queue has, hidden or not.
func (a account) left(queue string) int {
	a.t.Helper()
	n, err := a.Len(a.t.Context(), queue)
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

// config is an app that is triggered by the queue.
func (a account) config(handler string, settings ...string) functionshost.Config {
	a.t.Helper()
	app := files{"host.json": hostJSON, "worker/function.json": workerFunction}
	cfg := config(a.t, app, handler, append(settings, "QUEUE="+a.queue, "Storage__queueServiceUri="+a.URL)...)
	cfg.Queues, cfg.Lease, cfg.Poll = a.Queues, 2*time.Second, 20*time.Millisecond
	return cfg
}

// ended waits until n invocations have ended.
func (a account) ended(host *functionshost.Host, n int) []functionshost.Record {
	a.t.Helper()
	if _, err := host.Wait(a.t.Context(), func(functionshost.Record) bool { return len(host.Records()) >= n }); err != nil {
		a.t.Fatal(err)
	}
	return host.Records()
}

const done = `REPLY={"Outputs":{},"Logs":[],"ReturnValue":null}`

func TestQueues(t *testing.T) {
	queues := harness.Start(t, azurite.StartQueues)
	for name, test := range map[string]func(account){
		"a message comes in JSON in JSON, with what is known of it": messageInEnvelope,
		"a message that was handled is deleted":                     handledIsDeleted,
		"a message that failed comes again, and then is poison":     failedIsPoison,
		"a message that failed comes again after a while":           failedWaits,
		"a message stays hidden while it is handled":                leaseIsRenewed,
		"the message of a lost instance comes again":                lostInstance,
		"the message of a host that gave up comes again":            hostGaveUp,
		"batches are as large as host.json says":                    batches,
		"a message that is not in base64 is poison":                 notEncoded,
		"messages may be without an encoding":                       plainMessages,
		"values of outputs become messages":                         outputs,
		"Stop lets messages end":                                    stopWaits,
		"a connection has to lead to the queue":                     connections,
		"a disabled function takes no messages":                     disabledTakesNone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := account{Queues: queues, t: t, queue: fmt.Sprintf("queue-%d", time.Now().UnixNano())}
			if err := a.CreateQueue(t.Context(), a.queue); err != nil {
				t.Fatal(err)
			}
			test(a)
		})
	}
}

func messageInEnvelope(a account) {
	host := harness.Start(a.t, a.config("records", done).Start)
	const object = `{"tenant":"t<","n":5,"yes":true,"o":{"a":1},"list":[1],"none":null,"at":"2026-01-02T03:04:05Z","myTrigger":1,"id":"mine"}`
	a.send(object)
	record := a.ended(host, 1)[0]
	if record.Err != nil || record.DequeueCount != 1 || record.Message == "" || record.Function != "worker" {
		a.t.Errorf("%+v", record)
	}
	got := printed(a.t, host, "worker", 1)[0]
	var once, twice string
	if err := json.Unmarshal(got.Data["message"], &once); err != nil {
		a.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(once), &twice); err != nil || twice != object {
		a.t.Error(err, once)
	}
	for _, name := range []string{"InsertionTime", "ExpirationTime", "NextVisibleTime"} {
		at, _ := got.Metadata[name].(string)
		if _, err := time.Parse("2006-01-02T15:04:05+00:00", at); err != nil {
			a.t.Error(name, err)
		}
		delete(got.Metadata, name)
	}
	receipt, _ := got.Metadata["PopReceipt"].(string)
	if !strings.HasPrefix(receipt, `"`) || got.Metadata["sys"] == nil {
		a.t.Error(got.Metadata)
	}
	delete(got.Metadata, "PopReceipt")
	delete(got.Metadata, "sys")
	want := map[string]any{
		"DequeueCount": "1", "Id": `"mine"`, "tenant": `"t<"`, "n": `"5"`, "yes": `"True"`, "o": map[string]any{"a": 1.}, "at": `"01/02/2026 03:04:05"`,
	}
	if diff := cmp.Diff(want, got.Metadata); diff != "" {
		a.t.Error(diff)
	}
}

func handledIsDeleted(a account) {
	host := harness.Start(a.t, a.config("records", done).Start)
	a.send("text")
	a.ended(host, 1)
	if err := host.Stop(a.t.Context()); err != nil {
		a.t.Error(err)
	}
	if n := a.left(a.queue); n != 0 {
		a.t.Error("it is still there")
	}
}

func failedIsPoison(a account) {
	cfg := a.config("records", "REPLY_STATUS=500", "AzureFunctionsJobHost__extensions__queues__maxDequeueCount=3")
	cfg.Lease = time.Hour // it comes again at once all the same
	host := harness.Start(a.t, cfg.Start)
	a.send("bad")
	var counts []int
	for _, r := range a.ended(host, 3) {
		counts = append(counts, r.DequeueCount)
		if r.Err == nil {
			a.t.Error("it did not fail")
		}
	}
	if diff := cmp.Diff([]int{1, 2, 3}, counts); diff != "" {
		a.t.Error(diff)
	}
	if err := host.Stop(a.t.Context()); err != nil {
		a.t.Error(err)
	}
	if diff := cmp.Diff([]string{"bad"}, a.received(a.queue+"-poison")); diff != "" {
		a.t.Error(diff)
	}
	if n := a.left(a.queue); n != 0 {
		a.t.Error("it is still in its queue")
	}
}

func failedWaits(a account) {
	host := harness.Start(a.t, a.config("records", "REPLY_STATUS=500", "AzureFunctionsJobHost__extensions__queues__visibilityTimeout=00:00:02").Start)
	a.send("bad")
	records := a.ended(host, 2)
	// The service counts in whole seconds.
	if waited := records[1].Begun.Sub(records[0].Begun); waited < time.Second {
		a.t.Errorf("it came again after %s", waited)
	}
}

func leaseIsRenewed(a account) {
	cfg := a.config("records", done, "SLOW=3500ms")
	cfg.Lease = 2 * time.Second
	host := harness.Start(a.t, cfg.Start)
	a.send("long")
	record := a.ended(host, 1)[0]
	if err := host.Stop(a.t.Context()); err != nil {
		a.t.Error(err)
	}
	if n := len(host.Records()); n != 1 || record.Err != nil {
		a.t.Errorf("it came %d times, %v", n, record.Err)
	}
	if n := a.left(a.queue); n != 0 {
		a.t.Error("it is still there")
	}
}

func lostInstance(a account) {
	begun := make(chan struct{})
	cfg := a.config("hangs")
	cfg.Begun = func(*functionshost.Host, functionshost.Invocation) { close(begun) }
	first := harness.Start(a.t, cfg.Start)
	a.send("survivor")
	<-begun
	first.Close()
	if visible, err := a.Peek(a.t.Context(), a.queue); err != nil || len(visible) != 0 {
		a.t.Error("the lost instance let go of it:", visible, err)
	}
	second := harness.Start(a.t, a.config("records", done).Start)
	if record := a.ended(second, 1)[0]; record.Err != nil || record.DequeueCount != 2 {
		a.t.Errorf("%+v", record)
	}
}

func hostGaveUp(a account) {
	cfg := a.config("once", "AzureFunctionsJobHost__extensions__queues__maxDequeueCount=2")
	cfg.Begun = func(h *functionshost.Host, _ functionshost.Invocation) { h.Kill() }
	host := harness.Start(a.t, cfg.Start)
	a.send("survivor")
	if records := a.ended(host, 2); records[1].DequeueCount != 0 || !strings.Contains(records[1].Err.Error(), "shut down") {
		a.t.Errorf("%+v", records)
	}
	if err := host.Stop(a.t.Context()); err != nil {
		a.t.Error(err)
	}
	time.Sleep(cfg.Lease + 500*time.Millisecond)
	if left := a.received(a.queue); !slices.Equal(left, []string{"survivor"}) {
		a.t.Error("the message is gone:", left)
	}
}

func batches(a account) {
	for _, test := range []struct{ batch, threshold, most int }{{1, 0, 1}, {2, 0, 2}, {2, 1, 3}} {
		cfg := a.config("records", done,
			fmt.Sprintf("AzureFunctionsJobHost__extensions__queues__batchSize=%d", test.batch),
			fmt.Sprintf("AzureFunctionsJobHost__extensions__queues__newBatchThreshold=%d", test.threshold))
		begun := make(chan struct{}, 10)
		cfg.Begun = func(*functionshost.Host, functionshost.Invocation) { begun <- struct{}{} }
		host := harness.Start(a.t, cfg.Start)
		a.send("900ms")
		<-begun
		for range 4 {
			a.send("200ms")
		}
		records := a.ended(host, 5)
		if got := together(records); got > test.most || got < test.batch {
			a.t.Errorf("%+v: %d at once", test, got)
		}
		slices.SortFunc(records, func(a, b functionshost.Record) int { return a.Begun.Compare(b.Begun) })
		first, second := records[0], records[1]
		if waits := !second.Begun.Before(first.Begun.Add(first.Took)); waits != (test.threshold == 0) {
			a.t.Errorf("%+v: the next batch waits: %t", test, waits)
		}
		if err := host.Stop(a.t.Context()); err != nil {
			a.t.Error(err)
		}
	}
}

// together is the largest number of invocations at any one time.
func together(records []functionshost.Record) (most int) {
	for _, r := range records {
		n := 0
		for _, other := range records {
			if !other.Begun.After(r.Begun) && other.Begun.Add(other.Took).After(r.Begun) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func notEncoded(a account) {
	host := harness.Start(a.t, a.config("records", done).Start)
	if err := a.Send(a.t.Context(), a.queue, "plain text"); err != nil {
		a.t.Fatal(err)
	}
	if _, err := host.WaitLine(a.t.Context(), func(l functionshost.Line) bool { return strings.Contains(l.Text, "-poison: its text is not in base64") }); err != nil {
		a.t.Fatal(err)
	}
	if err := host.Stop(a.t.Context()); err != nil {
		a.t.Error(err)
	}
	messages, err := a.Receive(a.t.Context(), a.queue+"-poison")
	if err != nil || len(messages) != 1 || messages[0].Text != "plain text" || len(host.Records()) != 0 {
		a.t.Error(messages, err, host.Records())
	}
}

func plainMessages(a account) {
	host := harness.Start(a.t, a.config("records", done, "AzureFunctionsJobHost__extensions__queues__messageEncoding=none").Start)
	if err := a.Send(a.t.Context(), a.queue, "plain <text>"); err != nil {
		a.t.Fatal(err)
	}
	a.ended(host, 1)
	if got := string(printed(a.t, host, "worker", 1)[0].Data["message"]); got != `"\"plain <text>\""` {
		a.t.Error(got)
	}
}

func outputs(a account) {
	const one = "{\n  \"a\": 1\n}"
	for value, want := range map[string][]string{
		`"plain text"`:              {"plain text"},
		`"aGVsbG8="`:                {"hello"}, // base64, whatever it was meant to be
		`"user"`:                    {"\xba\xc7\xab"},
		`"hello"`:                   {"hello"},
		`{"a":1}`:                   {one},
		`"{\"a\":1}"`:               {one},
		`[{"a":1},"x",2,"aGk=",""]`: {one, "x", "2", "aGk=", ""},
		`"[\"x\",\"y\"]"`:           {"x", "y"},
		`[]`:                        nil,
		`null`:                      nil,
		`5`:                         {"5"},
		`true`:                      {"True"},
	} {
		out := fmt.Sprintf("out-%d", time.Now().UnixNano())
		app := files{"host.json": hostJSON, "nightly/function.json": strings.Replace(timerFunction, "]",
			`,{"type":"queue","name":"out","direction":"out","queueName":"`+out+`","connection":"Storage"}]`, 1)}
		cfg := config(a.t, app, "replies", `REPLY={"Outputs":{"out":`+value+`}}`, "AzureWebJobsStorage__accountName="+azurite.Account)
		cfg.Queues = a.Queues
		host := harness.Start(a.t, cfg.Start)
		record, err := host.Fire(a.t.Context(), "nightly")
		if err != nil {
			a.t.Error(value, err)
			continue
		}
		if err := a.CreateQueue(a.t.Context(), out); err != nil {
			a.t.Fatal(err)
		}
		got := a.received(out)
		slices.Sort(got)
		sorted := slices.Clone(want)
		slices.Sort(sorted)
		if diff := cmp.Diff(sorted, got); diff != "" {
			a.t.Error(value, diff)
		}
		if diff := cmp.Diff(want, record.Sent["out"]); diff != "" {
			a.t.Error(value, diff)
		}
	}
}

func stopWaits(a account) {
	begun := make(chan struct{})
	cfg := a.config("records", done, "SLOW=500ms",
		"AzureFunctionsJobHost__extensions__queues__batchSize=1", "AzureFunctionsJobHost__extensions__queues__newBatchThreshold=0")
	cfg.Begun = func(*functionshost.Host, functionshost.Invocation) { close(begun) }
	host := harness.Start(a.t, cfg.Start)
	a.send("last")
	<-begun
	a.send("too late")
	if err := host.Stop(a.t.Context()); err != nil {
		a.t.Error(err)
	}
	if records := host.Records(); len(records) != 1 || records[0].Err != nil {
		a.t.Errorf("%+v", records)
	}
	if left := a.received(a.queue); !slices.Equal(left, []string{"too late"}) {
		a.t.Error(left)
	}
}

func connections(a account) {
	for setting, good := range map[string]bool{
		"Storage__queueServiceUri=" + a.URL:                       true,
		"Storage__queueServiceUri=" + a.URL + "/":                 true,
		"Storage__accountName=" + azurite.Account:                 true,
		"Storage=AccountName=x;QueueEndpoint=" + a.URL + ";":      true,
		"AzureWebJobsStorage__queueServiceUri=" + a.URL:           true,
		"Storage__queueServiceUri=https://other.core.windows.net": false,
		"Storage__accountName=other":                              false,
		"Storage__blobServiceUri=" + a.URL:                        false,
		"Other__queueServiceUri=" + a.URL:                         false,
	} {
		cfg := a.config("records")
		cfg.Env = []string{"HANDLER=records", "QUEUE=" + a.queue, setting}
		host, err := cfg.Start(a.t.Context())
		if err == nil {
			host.Close()
		}
		if (err == nil) != good {
			a.t.Errorf("%s: %v", setting, err)
		}
	}
}

func disabledTakesNone(a account) {
	host := harness.Start(a.t, a.config("records", done, "AzureWebJobs_worker_Disabled=true").Start)
	a.send("text")
	time.Sleep(300 * time.Millisecond)
	if n := len(host.Records()); n != 0 {
		a.t.Error("it was invoked")
	}
}
