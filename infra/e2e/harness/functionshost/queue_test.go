package functionshost_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

const workerFunction = `{"bindings":[
	{"type":"queueTrigger","name":"message","direction":"in","queueName":"%QUEUE%","connection":"Storage"},
	{"type":"queue","name":"done","direction":"out","queueName":"done","connection":"Storage"}]}`

func TestAMessageIsHandled(t *testing.T) {
	queues := harness.Start(t, azurite.StartQueues)
	if err := queues.CreateQueue(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	host := start(t, files{"host.json": hostJSON, "worker/function.json": workerFunction}, "replies", func(cfg *functionshost.Config) {
		cfg.Queues = queues
		cfg.Lease = 2 * time.Second
		cfg.Env = append(cfg.Env, "QUEUE=work", "Storage__queueServiceUri="+queues.URL, `REPLY={"Outputs":{"done":["a",{"b":1}]},"Logs":[]}`)
	})
	if err := queues.Send(t.Context(), "work", base64.StdEncoding.EncodeToString([]byte(`{"tenant":"x"}`))); err != nil {
		t.Fatal(err)
	}
	record, err := host.Wait(t.Context(), func(r functionshost.Record) bool { return r.Function == "worker" })
	if err != nil || record.Err != nil {
		t.Fatal(err, record.Err, host.Lines())
	}
	t.Logf("%+v", record)
	got, err := queues.Receive(t.Context(), "done")
	t.Log(got, err)
}

func TestATimerIsFired(t *testing.T) {
	host := start(t, files{"host.json": hostJSON, "nightly/function.json": timerFunction}, "replies", with(`REPLY={"Outputs":{},"Logs":["hello"]}`))
	record, err := host.Fire(t.Context(), "nightly")
	t.Logf("%+v %v", record, err)
	t.Log(host.Lines())
}
