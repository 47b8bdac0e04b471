// Package athena_test has Trino, whose engine is Athena's, query the tables of template.yaml
// over snapshots of the built functions/snapshot.
package athena_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/glue"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// population are the users at first, of whom left leaves and two join.
const population, left = 300, 7

// format is a format of snapshots, in a bucket of its own.
type format struct {
	name   string
	files  glue.Files
	bucket string
}

func TestTheTablesHaveTheUsersOfTheLastGoodSnapshot(t *testing.T) {
	tables := startGlue(t)
	files := harness.Start(t, versity.Config{Dir: t.TempDir()}.Start)
	engine := startTrino(t, tables, files)
	bootstrap := harness.Release(t, "functions/snapshot")
	for _, f := range []format{{"ndjson", glue.NDJSON, "users-ndjson"}, {"parquet", glue.Parquet, "users-parquet"}} {
		t.Run(f.name, func(t *testing.T) {
			q := &queries{format: f, trino: engine, files: files, people: newTenant(t)}
			q.deploy(t, tables, bootstrap)
			q.publish(t, snapshot.Input{Run: "first"})
			t.Run("everybody once", q.everybody)
			t.Run("every value", q.everyValue)
			t.Run("structures, lists and instants", q.inside)
			t.Run("nobody is left out in silence", q.allTenants)
			t.Run("the run that was promoted, while another one is written", q.promoted)
			t.Run("the history, by day", q.history)
			t.Run("the statements of the documentation", q.documented)
		})
	}
}

// from is a table, and the tenant.
func (q *queries) from(table string) string {
	return " FROM " + q.name + "." + table + " WHERE tenant = '" + q.people.TenantID + "'"
}

func (q *queries) everybody(t *testing.T) {
	if n, distinct := q.count(t, "SELECT count(*)"+q.from("users")), q.count(t, "SELECT count(DISTINCT id)"+q.from("users")); n != population || distinct != population {
		t.Errorf("there are %d users, %d of them distinct", n, distinct)
	}
}

// everyValue compares each column of each user with what the tenant has.
func (q *queries) everyValue(t *testing.T) {
	columns := glue.Columns(q.format.files)
	var all []string
	for _, c := range columns {
		all = append(all, `json_format(CAST("`+c.Name+`" AS JSON))`)
	}
	rows, err := q.query(t, "SELECT "+strings.Join(all, ", ")+q.from("users"))
	if err != nil {
		t.Fatal(err)
	}
	users, filled, wrong := q.truth(t), map[string]int{}, 0
	if len(rows) != len(users) {
		t.Errorf("there are %d rows, and %d users", len(rows), len(users))
	}
	for _, row := range rows {
		var id string
		if err := json.Unmarshal([]byte(row[0].(string)), &id); err != nil {
			t.Fatal(err)
		}
		user := users[id]
		for i, c := range columns {
			var got any
			if text, is := row[i].(string); is {
				if err := json.Unmarshal([]byte(text), &got); err != nil {
					t.Fatal(err)
				}
			}
			got = withoutNulls(got)
			if c.Name == strings.ToLower(property.AdditionalData) {
				continue
			}
			want := expected(t, user[c.Name], c.Type)
			if text, is := want.(jsonText); is {
				var a, b any
				if json.Unmarshal([]byte(text), &a) != nil || json.Unmarshal([]byte(fmt.Sprint(got)), &b) != nil {
					t.Errorf("%s of %s is %v", c.Name, id, got)
				}
				got, want = b, a
			}
			if want != nil {
				filled[c.Name]++
			}
			if !reflect.DeepEqual(got, want) {
				if wrong++; wrong < 20 {
					t.Errorf("%s of %s is %#v, want %#v", c.Name, id, got, want)
				}
			}
		}
	}
	for _, name := range []string{"accountenabled", "createddatetime", "deviceenrollmentlimit", "businessphones", "assignedlicenses", "signinactivity", "onpremisesextensionattributes", "manager"} {
		if filled[name] == 0 {
			t.Errorf("nobody has %s", name)
		}
	}
}

// inside looks into values, as people's statements do.
func (q *queries) inside(t *testing.T) {
	instant := map[string]string{"ndjson": "from_iso8601_timestamp(createddatetime)", "parquet": "createddatetime"}[q.name]
	want := map[string]int{}
	for _, user := range q.truth(t) {
		phones, _ := user["businessphones"].([]any)
		want["phones"] += len(phones)
		if manager, is := user["manager"].(map[string]any); is && manager["id"] != nil {
			want["managed"]++
		}
		if made, _ := user["createddatetime"].(string); made > "2020" {
			want["recent"]++
		}
	}
	for name, statement := range map[string]string{
		"managed": "SELECT count(manager.id)" + q.from("users"),
		"phones":  "SELECT count(*) FROM " + q.name + ".users CROSS JOIN UNNEST(businessphones) AS p(phone) WHERE tenant = '" + q.people.TenantID + "'",
		"recent":  "SELECT count(*)" + q.from("users") + " AND year(" + instant + ") >= 2020",
	} {
		if got := q.count(t, statement); got != want[name] || got == 0 {
			t.Errorf("%s: there are %d, want %d", name, got, want[name])
		}
	}
}

// allTenants counts where no tenant is named.
func (q *queries) allTenants(t *testing.T) {
	if rows, err := q.query(t, "SELECT count(*) FROM "+q.name+".users"); err == nil {
		t.Errorf("it counts %v", rows)
	}
	if n := q.count(t, "SELECT count(*) FROM "+q.name+"_listed.users"); n != population {
		t.Errorf("it counts %d", n)
	}
}

// promoted counts while a run lies parked.
func (q *queries) promoted(t *testing.T) {
	q.people.Create()
	q.people.Create()
	if err := q.people.Delete(left); err != nil {
		t.Fatal(err)
	}
	q.people.AddFault(simulator.Fault{Name: "429-date", Page: 4, Times: 1})
	parked := q.slice(t, snapshot.Input{Run: "second"})
	if parked.Status != snapshot.Continue {
		t.Fatalf("it is %+v", parked)
	}
	if n := q.count(t, "SELECT count(*)"+q.from("users")); n != population {
		t.Errorf("in the middle there are %d users", n)
	}
	q.publish(t, snapshot.Input{Resume: parked.Resume})
	if n, distinct := q.count(t, "SELECT count(*)"+q.from("users")), q.count(t, "SELECT count(DISTINCT id)"+q.from("users")); n != population+1 || distinct != population+1 {
		t.Errorf("there are %d users, %d of them distinct", n, distinct)
	}
}

// history makes a symlink of yesterday, which names what the first run published.
func (q *queries) history(t *testing.T) {
	client := cloud.S3(q.files.Config())
	listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &q.bucket, Prefix: aws.String("directory/runs/")})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, o := range listed.Contents {
		if strings.Contains(*o.Key, "/run=first/part-") {
			lines = append(lines, "s3://"+q.bucket+"/"+*o.Key)
		}
	}
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	key := "directory/history/tenant=" + q.people.TenantID + "/date=" + day(1) + "/symlink.txt"
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &q.bucket, Key: &key, Body: strings.NewReader(strings.Join(lines, "\n") + "\n")}); err != nil {
		t.Fatal(err)
	}
	rows, err := q.query(t, `SELECT "date", count(*)`+q.from("users_history")+` GROUP BY "date" ORDER BY "date"`)
	if err != nil {
		t.Fatal(err)
	}
	if want := [][]any{{day(1), float64(population)}, {day(0), float64(population + 1)}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("the days are %v, want %v", rows, want)
	}
	if n := q.count(t, "SELECT count(*)"+q.from("users_history")+` AND "date" = '`+day(1)+`'`); n != population {
		t.Errorf("yesterday there were %d", n)
	}
	joined := q.count(t, "SELECT count(*)"+q.from("users_history")+` AND "date" = '`+day(0)+`' AND id NOT IN (SELECT id`+q.from("users_history")+` AND "date" = '`+day(1)+`')`)
	if joined != 2 {
		t.Errorf("%d have joined", joined)
	}
}

// documented runs what docs/snapshot.md has for Athena.
func (q *queries) documented(t *testing.T) {
	text, err := os.ReadFile(harness.Path(t, "docs", "snapshot.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "**Athena.**")
	_, after, _ = strings.Cut(after, "```sql\n")
	block, _, found := strings.Cut(after, "```")
	statements := strings.Split(strings.TrimSuffix(strings.TrimSpace(block), ";"), ";")
	if !found || len(statements) != 3 {
		t.Fatalf("the statements are %q", statements)
	}
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	var answers [][][]any
	for _, statement := range statements {
		statement = strings.NewReplacer("<guid>", q.people.TenantID, "2026-11-22", day(0), "2026-11-21", day(1)).Replace(statement)
		rows, err := q.query(t, statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		answers = append(answers, rows)
	}
	if want := [][]any{{float64(population + 1)}}; !reflect.DeepEqual(answers[0], want) {
		t.Errorf("there are %v", answers[0])
	}
	if len(answers[1]) < 2 {
		t.Errorf("the departments are %v", answers[1])
	}
	if len(answers[2]) != 1 || answers[2][0][0] != q.people.ID(left) {
		t.Errorf("those who left are %v, want %s", answers[2], q.people.ID(left))
	}
}
