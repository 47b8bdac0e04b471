package athena_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// queries are those of one format.
type queries struct {
	format
	trino  *trino
	files  *versity.Server
	people *tenant.Tenant
	host   *lambdahost.Host
}

// deploy makes the tables as the template has them, once for tenants that it does not know and
// once for those it does, and a function with the template's destination.
func (q *queries) deploy(t *testing.T, tables *moto.Server, bootstrap string) {
	t.Helper()
	if err := cloud.CreateBucket(t.Context(), q.files.Config(), q.bucket); err != nil {
		t.Fatal(err)
	}
	template, err := cloudformation.Read(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var function map[string]any
	for database, tenants := range map[string]string{q.name: "", q.name + "_listed": q.people.TenantID + "," + unpublished} {
		stack, err := template.Resolve(map[string]string{"FederatedApp": "", "Format": q.name, "DatabaseName": database, "TenantIds": tenants})
		if err != nil {
			t.Fatal(err)
		}
		q.make(t, tables, "CreateDatabase", stack.Resources["Database"].Properties, database)
		for _, name := range []string{"UsersTable", "HistoryTable"} {
			q.make(t, tables, "CreateTable", stack.Resources[name].Properties, database)
		}
		function = stack.Resources["SnapshotFunction"].Properties
	}
	env := append(q.people.Environ(), versity.Environ(q.files.URL)...)
	variables := function["Environment"].(map[string]any)["Variables"].(map[string]any)
	for _, name := range []string{"ROLLCALL_SINKS", "ROLLCALL_STATE"} {
		env = append(env, name+"="+strings.ReplaceAll(variables[name].(string), "<Bucket>", q.bucket))
	}
	q.host = harness.Start(t, lambdahost.Config{
		Bootstrap: bootstrap, Timeout: 8 * time.Second,
		Env: append(env, "ROLLCALL_SELECT="+columns()+","+property.Manager, "ROLLCALL_PAGE_SIZE=30", "ROLLCALL_PARALLEL=1"),
	}.Start)
}

// make makes what the template describes in the Glue of moto.
func (q *queries) make(t *testing.T, tables *moto.Server, operation string, properties map[string]any, database string) {
	t.Helper()
	text, err := json.Marshal(properties)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReplacer(`\u003cBucket\u003e`, q.bucket, `\u003cDatabase\u003e`, database).Replace(string(text))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tables.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSGlue."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=e2e/20260101/"+cloud.Region+"/glue/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s of %s", operation, resp.Status, body)
	}
}

// slice has the function publish a slice of a run.
func (q *queries) slice(t *testing.T, in snapshot.Input) snapshot.Result {
	t.Helper()
	event, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.host.Invoke(t.Context(), event)
	var result snapshot.Result
	if err != nil || got.ErrorType != "" || json.Unmarshal(got.Payload, &result) != nil {
		t.Fatalf("%s: %v, %s\n%s", event, err, got.Payload, q.host.Output())
	}
	return result
}

// publish has it publish a run to its end.
func (q *queries) publish(t *testing.T, in snapshot.Input) {
	t.Helper()
	for range 20 {
		got := q.slice(t, in)
		if got.Status == snapshot.Complete {
			return
		}
		in = snapshot.Input{Resume: got.Resume}
	}
	t.Fatal("it does not come to an end")
}

// truth is what the tenant has of everybody, by nothing of this project's reading.
func (q *queries) truth(t *testing.T) map[string]map[string]any {
	t.Helper()
	transport := q.people.Transport()
	token, err := q.people.TokenSource(transport).Token(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"$select": {columns()}, "$expand": {"manager($select=id)"}, "$top": {"999"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var page struct {
		Next  string `json:"@odata.nextLink"`
		Value []map[string]any
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || page.Next != "" {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	users := map[string]map[string]any{}
	for _, user := range page.Value {
		of := map[string]any{}
		for name, value := range user {
			of[strings.ToLower(name)] = value
		}
		users[user["id"].(string)] = of
	}
	return users
}

// unpublished is a tenant of which there is no snapshot yet.
const unpublished = "22222222-2222-4222-8222-222222222222"

// columns are all properties that a list may have.
func columns() string {
	return strings.Join(property.Listed(), ",")
}

// newTenant has everything that a column may have.
func newTenant(t *testing.T) *tenant.Tenant {
	t.Helper()
	return harness.Start(t, tenant.New(simulator.Config{Users: population, Hostile: true, Agents: true, Roles: []string{
		"User.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All", "User-LifeCycleInfo.Read.All",
	}}).Start)
}
