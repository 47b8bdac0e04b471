package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// readByID returns the ids of the users that were found.
func readByID(t *testing.T, client *graph.Client, ids []string) (found []string, err error) {
	t.Helper()
	err = client.UsersByID(t.Context(), ids, graph.Query{Select: []string{"id", "department"}}, new(graph.Stats), func(u graph.User) error {
		found = append(found, string(u.ID))
		return nil
	})
	return found, err
}

func TestUsersAreReadByIDInBatchesOfTwenty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 50})
		var want, ids []string
		for i := range 45 {
			ids = append(ids, tenant.ID(i))
			if i%4 == 0 {
				if err := tenant.Delete(i); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want = append(want, tenant.ID(i))
		}
		found, err := readByID(t, newClient(t, tenant, tenant.Transport()), ids)
		if diff := cmp.Diff(want, found); diff != "" || err != nil {
			t.Error(diff, err)
		}
		batches := 0
		for _, r := range tenant.Requests() {
			if r.Kind == "batch" {
				batches++
			}
		}
		if batches != 3 {
			t.Errorf("%d requests, want 3", batches)
		}
	})
}

// batchOf answers a batch: each item by its id, as in u<n>.
func batchOf(t *testing.T, item func(id string) string) scripted {
	return func(r *http.Request) (int, string) {
		if r.URL.String() != "https://graph.microsoft.com/v1.0/$batch" || r.Method != http.MethodPost {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			Requests []struct{ ID, Method, URL string }
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		var all []string
		for _, a := range asked.Requests {
			id, query, _ := strings.Cut(strings.TrimPrefix(a.URL, "/users/"), "?")
			if a.Method != "GET" || query != "$select=id%2Cdepartment" {
				t.Errorf("%+v", a)
			}
			if answer := item(id); answer != "" {
				all = append(all, strings.Replace(answer, "{", `{"id":"`+a.ID+`",`, 1))
			}
		}
		return 200, `{"responses":[` + strings.Join(all, ",") + `]}`
	}
}

func there(id string) string { return `{"status":200,"body":{"id":"` + id + `"}}` }

func TestPartsOfABatchThatAreThrottledAreMadeAgainByThemselves(t *testing.T) {
	for name, refusal := range map[string]string{
		"429 with seconds":            `{"status":429,"headers":{"retry-after":"7"},"body":{"error":{"code":"TooManyRequests"}}}`,
		"429 with a number":           `{"status":429,"headers":{"Retry-After":7},"body":{"error":{"code":"TooManyRequests"}}}`,
		"503":                         `{"status":503,"headers":{"Retry-After":"7"},"body":null}`,
		"no answer":                   "",
		"429 with a body in base64":   `{"status":429,"headers":{"Retry-After":"7"},"body":"PGh0bWw+"}`,
		"200 with a user of no id":    `{"status":200,"body":{}}`,
		"200 with nobody":             `{"status":200,"body":null}`,
		"200 with somebody else":      there("other"),
		"404 that is not Graph's own": `{"status":404,"body":"PGh0bWw+"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := map[string]int{}
				began := time.Now()
				found, err := readByID(t, batchOf(t, func(id string) string {
					if asked[id]++; id == "u2" && asked[id] < 3 {
						return refusal
					}
					return there(id)
				}).client(t, 5), []string{"u1", "u2", "u3"})
				if name == "404 that is not Graph's own" {
					var answer *graph.Error
					if !errors.As(err, &answer) || answer.Status != 404 {
						t.Errorf("%v, %v", found, err)
					}
					return
				}
				if diff := cmp.Diff([]string{"u1", "u3", "u2"}, found); diff != "" || err != nil {
					t.Error(diff, err)
				}
				if asked["u1"] != 1 || asked["u2"] != 3 {
					t.Errorf("asked %v", asked)
				}
				if waited := time.Since(began); strings.Contains(refusal, "7") && waited < 14*time.Second {
					t.Errorf("it waited %s only", waited)
				}
			})
		})
	}
}

func TestAPartOfABatchThatIsRefusedIsAnError(t *testing.T) {
	found, err := readByID(t, batchOf(t, func(id string) string {
		if id == "u2" {
			return `{"status":403,"body":{"error":{"code":"Authorization_RequestDenied","message":"canary"}}}`
		}
		return there(id)
	}).client(t, 5), []string{"u1", "u2"})
	var answer *graph.Error
	if !errors.As(err, &answer) || answer.Name() != "Graph.AccessDenied" || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v, %v", found, err)
	}
}

func TestABatchThatIsNotAnsweredAsOneIsAnError(t *testing.T) {
	for _, body := range []string{
		"", "null", "{}", "[]", `{"responses":null}`, `{"responses":{}}`, `{"responses":[{"id":"1","status":200}]}`, `{"responses":[{"id":0,"status":200}]}`,
		`{"responses":[{"id":"0","status":404,"body":{"error":{"code":"x"}}},{"id":"0","status":404,"body":{"error":{"code":"x"}}}]}`,
		`{"responses":[{"id":"00","status":404}]}`, `{"responses":[{"id":"-1","status":404}]}`, `{"responses":[{"id":"0","status":0}]}`, `{"responses":[{"id":"0","status":"404"}]}`, `{"responses":[]} x`,
		`{"responses":[{"id":"0","status":9999}]}`, `{"responses":[]}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			found, err := readByID(t, scripted(func(*http.Request) (int, string) { return 200, body }).client(t, 2), []string{"u1"})
			var answer *graph.Error
			if !errors.As(err, &answer) || len(found) > 0 {
				t.Errorf("%s: %v, %v", body, found, err)
			}
		})
	}
}

func TestUsersTooLargeForOneBatchAreReadInSmallerOnes(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	found, err := readByID(t, batchOf(t, func(id string) string {
		return `{"status":200,"body":{"id":"` + id + `","department":"` + large + `"}}`
	}).client(t, 1), strings.Fields("u1 u2 u3 u4 u5 u6 u7"))
	if len(found) != 7 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

func TestABatchThatFailsAsAWholeIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 5, Faults: []simulator.Fault{{Name: "503", On: "batch", Times: 2}, {Name: "429", On: "batch"}}})
		if found, err := readByID(t, newClient(t, tenant, tenant.Transport()), []string{tenant.ID(3)}); len(found) != 1 || err != nil {
			t.Errorf("%v, %v", found, err)
		}
	})
}

func FuzzBatch(f *testing.F) {
	for _, body := range []string{`{"responses":[{"id":"0","status":200,"headers":{"Retry-After":"1"},"body":{"id":"u1"}}]}`, `{"responses":[{"id":"0","status":404,"body":{"error":{"code":"x"}}}]}`, `{"responses":[null]}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		client := (&answers{all: []answer{{status: 200, body: body}}}).client(t, graph.Config{Attempts: 1})
		err := client.UsersByID(t.Context(), []string{"u1"}, graph.Query{}, new(graph.Stats), func(u graph.User) error {
			if !strings.EqualFold(string(u.ID), "u1") || !json.Valid(u.Raw) {
				return fmt.Errorf("%s", u.Raw)
			}
			return nil
		})
		var answer *graph.Error
		if err != nil && !errors.As(err, &answer) {
			t.Fatalf("%q: %v", body, err)
		}
	})
}
