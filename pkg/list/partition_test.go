package list_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestPartitionsLeaveNobodyOutWhateverTheCollation(t *testing.T) {
	for collation, collate := range collations() {
		for set, names := range nameSets() {
			partitions := 2 + (len(collation)+len(set))%4
			t.Run(fmt.Sprintf("%s, %s, %d partitions", collation, set, partitions), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := &collatedGraph{names: names, collate: collate}
					if report, err := g.read(t, partitions); err != nil || !report.Verified || report.Passes != 1 {
						t.Errorf("%+v, %v", report, err)
					}
				})
			})
		}
	}
}

// TestPartitionsLeaveNobodyOutWhateverTheirCounts has any number counted in a partition.
func TestPartitionsLeaveNobodyOutWhateverTheirCounts(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := func(truth, n int) int { return rand.New(rand.NewPCG(seed, uint64(truth))).IntN(n) }
			wrong := []func(int) int{
				func(int) int { return 0 }, func(int) int { return 1 << 30 }, func(n int) int { return 2 * n },
				func(n int) int { return random(n, 200) }, func(n int) int { return n + random(n, 9) },
			}
			g := &collatedGraph{names: nameSets()["mixed"], collate: strings.Compare, count: wrong[seed%5]}
			if report, err := g.read(t, 2+int(seed%7)); err != nil || !report.Verified {
				t.Errorf("seed %d: %+v, %v", seed, report, err)
			}
		})
	}
}

func TestAUserOnABoundIsDeliveredOnceAndCountedAsADuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &collatedGraph{names: nameSets()["letters"], collate: strings.Compare}
		if report, err := g.read(t, 6); err != nil || report.Duplicates == 0 || report.Duplicates > 5 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestAUserMissingFromEveryPartitionIsFoundByASecondPass(t *testing.T) {
	for _, name := range []string{"user7@x", "Müller.3@x"} {
		synctest.Test(t, func(t *testing.T) {
			g := &collatedGraph{names: nameSets()["mixed"], collate: strings.Compare, hidden: name}
			if report, err := g.read(t, 4); err != nil || !report.Verified || report.Passes != 2 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

func TestPartitionsKeepTheFilterAndTheManager(t *testing.T) {
	for _, filter := range []string{"", "accountEnabled eq true", "department eq 'Sales' or userType eq 'Guest' or accountEnabled eq false"} {
		for _, columns := range [][]string{nil, {"id", "displayName", "manager"}} {
			synctest.Test(t, func(t *testing.T) {
				var lists []map[string]bool
				for _, n := range []int{1, 4} {
					q := listtest.Parallel(n)
					q.Filter, q.Columns, q.PageSize = filter, listtest.Columns(columns...), 20
					r := read(t, t.Context(), simulator.Config{Users: 2000}, q)
					if r.err != nil || !r.report.Verified || r.report.Passes != 1 || r.report.Duplicates >= n {
						t.Fatalf("%q in %d partitions: %v, %+v", filter, n, r.err, r.report)
					}
					users := map[string]bool{}
					for _, user := range r.users {
						users[user] = true
					}
					lists = append(lists, users)
				}
				if !maps.Equal(lists[0], lists[1]) || len(lists[0]) == 0 {
					t.Errorf("%q: %d users in one partition, %d or other ones in four", filter, len(lists[0]), len(lists[1]))
				}
			})
		}
	}
}

func TestAListTooSmallSortedOrSearchedIsNotPartitioned(t *testing.T) {
	sorted, searched := listtest.Parallel(4), listtest.Parallel(4)
	sorted.OrderBy = "displayName"
	searched.Search = `"displayName:a"`
	for name, c := range map[string]struct {
		users   int
		request list.Request
	}{
		"few users":     {400, listtest.Parallel(4)},
		"sorted":        {2000, sorted},
		"searched":      {2000, searched},
		"not asked for": {2000, listtest.Parallel(0)},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: c.users}, c.request)
			lists, partitioned := 0, 0
			for _, q := range r.tenant.Requests() {
				if q.Kind == "list" {
					lists++
					if strings.Contains(q.RawQuery, "userPrincipalName+") {
						partitioned++
					}
				}
			}
			if partitioned > 0 || lists == 0 || r.err != nil {
				t.Errorf("%s: %d of %d requests ask for a partition, %v", name, partitioned, lists, r.err)
			}
		})
	}
}

// TestPartitionsThatGraphRefusesAreReadAsOne has Graph refuse to compare names, in lists
// and in counts.
func TestPartitionsThatGraphRefusesAreReadAsOne(t *testing.T) {
	for _, path := range []string{"/users", "/users/$count"} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{Users: 2000})
			transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
				if !strings.HasSuffix(r.URL.Path, path) || !strings.Contains(r.URL.Query().Get("$filter"), "userPrincipalName") {
					return nil
				}
				return listtest.Respond(r, http.StatusBadRequest, `{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)
			})
			l := list.New(listtest.Client(t, tenant, graph.Config{Transport: transport}), listtest.Parallel(4), nil)
			users := 0
			for _, err := range l.Users(t.Context()) {
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				users++
			}
			if users != 2000 || !l.Report().Verified {
				t.Errorf("%s: %d users, %+v", path, users, l.Report())
			}
		})
	}
}

// TestAPartitionThatCannotBeCountedFailsTheList with the error of its count, not with that
// of another one that it cancelled, and leaves no count under way.
func TestAPartitionThatCannotBeCountedFailsTheList(t *testing.T) {
	for name, fails := range map[string]func(bound string) bool{
		"any bound":      func(string) bool { return true },
		"the last bound": func(bound string) bool { return bound > "n" && bound != "t" }, // t is a candidate for all bounds
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 2000, Latency: time.Second})
				transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
					bound, ok := strings.CutPrefix(r.URL.Query().Get("$filter"), "userPrincipalName le '")
					if listtest.IsList(r) || !ok || !fails(strings.TrimSuffix(bound, "'")) {
						return nil
					}
					time.Sleep(time.Duration(len(bound)) * time.Millisecond)
					return listtest.Respond(r, http.StatusNotExtended, `{"error":{"code":"x"}}`)
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var last error
				for _, err := range list.New(listtest.Client(t, tenant, graph.Config{Transport: transport}), listtest.Parallel(4), nil).Users(ctx) {
					last = err
				}
				if last == nil || failure.Of(last).Name != "Graph.Unavailable" || errors.Is(last, context.Canceled) {
					t.Errorf("the list ended with %v", last)
				}
				requests := len(tenant.Requests())
				time.Sleep(time.Hour)
				if len(tenant.Requests()) > requests {
					t.Error("counting continued after the list had failed")
				}
			})
		})
	}
}
