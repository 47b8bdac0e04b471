package main

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS answers with it
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

const (
	clientState = "the-client-state-of-the-benchmark"
	// queueLatency is how long the secret and the queue take to answer.
	queueLatency = 20 * time.Millisecond
)

// webhook prints how long Graph waits for the webhook's answer: from a cold start, from
// a warm function, and in a storm.
func (b *bench) webhook(ctx context.Context) error {
	const colds, warms, storm = 200, 1000, 10_000
	file := filepath.Join(b.dir, "webhook-answers")
	if err := repository.Release(ctx, "functions/webhook", "", file); err != nil {
		return err
	}
	to, err := startQueue(b.dir)
	if err != nil {
		return err
	}
	defer to.Close()
	function := lambdahost.Config{Bootstrap: file, Env: to.environ, Timeout: 10 * time.Second}
	fmt.Printf("\n### The answers of the webhook\n\nThe built function behind Lambda's Runtime API; secret and queue over TLS, which answer after %d ms. CPU is the function's, for one answer.\n\n",
		queueLatency.Milliseconds())
	fmt.Println("| notification | processor | answers | median ms | p99 ms | slowest ms | CPU ms | messages |")
	fmt.Println("|---|---|--:|--:|--:|--:|--:|--:|")
	for _, share := range []share{whole(), seventh()} {
		rows := []*answers{{name: "first after a cold start"}, {name: "warm, of another tenant each"}}
		if share == whole() {
			rows = append(rows, &answers{name: "warm, a storm of one tenant"})
		}
		progress(fmt.Sprintf("answers of the webhook, %s processor", share.name))
		for range colds {
			if err := to.cold(ctx, function, share, rows[0]); err != nil {
				return err
			}
		}
		if err := to.warm(ctx, function, share, warms, storm, rows[1:]); err != nil {
			return err
		}
		for _, row := range rows {
			row.print(share)
		}
	}
	return nil
}

// answers are how long answers took.
type answers struct {
	name     string
	took     []time.Duration
	cpu      time.Duration
	messages int64
}

func (a *answers) print(s share) {
	slices.Sort(a.took)
	at := func(percent int) float64 { return a.took[min(len(a.took)*percent/100, len(a.took)-1)].Seconds() * 1e3 }
	fmt.Printf("| %s | %s | %d | %.1f | %.1f | %.1f | %.2f | %d |\n", a.name, s.name, len(a.took), at(50), at(99), at(100),
		a.cpu.Seconds()*1e3/float64(len(a.took)), a.messages)
}

// cold measures the first answer of a new process, its start included.
func (q *queue) cold(ctx context.Context, function lambdahost.Config, s share, a *answers) error {
	host, err := function.Start(ctx)
	if err != nil {
		return err
	}
	defer host.Close()
	before := q.messages.Load()
	took, err := answer(ctx, host, s, 0)
	if err != nil {
		return err
	}
	cpu, err := host.CPU()
	a.took, a.cpu, a.messages = append(a.took, host.ToFirstPoll()+took), a.cpu+cpu, a.messages+q.messages.Load()-before
	return err
}

// warm measures the answers of one process: those that send a message, and a storm if it
// is asked for.
func (q *queue) warm(ctx context.Context, function lambdahost.Config, s share, each, storm int, rows []*answers) error {
	host, err := function.Start(ctx)
	if err != nil {
		return err
	}
	defer host.Close()
	if _, err := answer(ctx, host, whole(), 0); err != nil {
		return err
	}
	if err := q.measure(ctx, host, s, rows[0], each, func(i int) int { return i + 1 }); err != nil || len(rows) == 1 {
		return err
	}
	return q.measure(ctx, host, s, rows[1], storm, func(int) int { return 0 })
}

// measure measures n answers of one process to notifications, each of a tenant.
func (q *queue) measure(ctx context.Context, host *lambdahost.Host, s share, a *answers, n int, tenant func(i int) int) error {
	before := q.messages.Load()
	began, err := host.CPU()
	if err != nil {
		return err
	}
	for i := range n {
		took, err := answer(ctx, host, s, tenant(i))
		if err != nil {
			return err
		}
		a.took = append(a.took, took)
	}
	ended, err := host.CPU()
	a.cpu, a.messages = ended-began, q.messages.Load()-before
	return err
}

// answer notifies of a change in a tenant, and returns how long the answer took.
func answer(ctx context.Context, host *lambdahost.Host, s share, tenant int) (time.Duration, error) {
	id := fmt.Sprintf("11111111-2222-4333-8444-%012d", tenant)
	body := `{"value":[{"changeType":"updated","clientState":"` + clientState + `","resource":"Users/` + id + `","resourceData":{"@odata.type":"#Microsoft.Graph.User",` +
		`"@odata.id":"Users/` + id + `","id":"` + id + `","organizationId":"` + id + `","eventTime":"2026-11-28T00:00:00Z","sequenceNumber":638999999999999999},` +
		`"subscriptionExpirationDateTime":"2026-12-20T00:00:00Z","subscriptionId":"` + id + `","tenantId":"` + id + `"}]}`
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://hook.example/notifications", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	event, err := json.Marshal(gateway.HTTPAPI().Event(r))
	if err != nil {
		return 0, err
	}
	release, err := s.hold(host.PID())
	if err != nil {
		return 0, err
	}
	began := time.Now()
	result, err := host.Invoke(ctx, event)
	took := time.Since(began)
	if err := errors.Join(err, release()); err != nil {
		return 0, err
	}
	var answered struct {
		StatusCode int `json:"statusCode"`
	}
	if err := json.Unmarshal(result.Payload, &answered); err != nil || answered.StatusCode != http.StatusAccepted {
		return 0, fmt.Errorf("the webhook answered %s; its log:\n%s", result.Payload, host.Output())
	}
	return took, nil
}

// queue is a double of Secrets Manager and SQS.
type queue struct {
	*httptest.Server
	environ  []string
	messages atomic.Int64
}

// startQueue starts the double, and keeps its certificate in a folder.
func startQueue(dir string) (*queue, error) {
	q := &queue{}
	q.Server = httptest.NewTLSServer(q)
	authorities := filepath.Join(dir, "webhook.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: q.Certificate().Raw})
	if err := os.WriteFile(authorities, certificate, 0o600); err != nil {
		q.Close()
		return nil, err
	}
	q.environ = []string{
		"AWS_ENDPOINT_URL=" + q.URL, "SSL_CERT_FILE=" + authorities, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"ROLLCALL_QUEUE=https://sqs.eu-west-1.amazonaws.com/123456789012/rollcall-changes.fifo",
		"ROLLCALL_WEBHOOK_SECRET=secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall-webhook-AbCdEf",
		"ROLLCALL_STATE_MACHINE=arn:aws:states:eu-west-1:123456789012:stateMachine:rollcall-snapshot",
	}
	return q, nil
}

// ServeHTTP answers the two requests that the webhook makes.
func (q *queue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(queueLatency)
	var in struct {
		Entries []struct{ ID, MessageBody string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "this is no request of AWS", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetSecretValue") {
		_, _ = fmt.Fprintf(w, `{"SecretString":%q}`, `{"ClientState":"`+clientState+`"}`)
		return
	}
	type taken struct {
		ID        string `json:"Id"`
		MessageID string `json:"MessageId"`
		MD5       string `json:"MD5OfMessageBody"`
	}
	answer := struct{ Successful []taken }{}
	for _, e := range in.Entries {
		sum := md5.Sum([]byte(e.MessageBody)) //nolint:gosec // SQS answers with it
		answer.Successful = append(answer.Successful, taken{ID: e.ID, MessageID: "m", MD5: hex.EncodeToString(sum[:])})
	}
	q.messages.Add(int64(len(in.Entries)))
	_ = json.NewEncoder(w).Encode(answer) // the function is the one to complain
}
