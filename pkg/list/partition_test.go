package list_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// TestPartitionsThatGraphRefusesAreReadAsOne has Graph refuse to compare names: in lists,
// in counts, and where a partition has a lower bound.
func TestPartitionsThatGraphRefusesAreReadAsOne(t *testing.T) {
	for _, c := range []struct{ path, comparison string }{{"/users", " le "}, {"/users", " ge "}, {"/users/$count", " le "}} {
		for _, upfront := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 2000, Latency: 100 * time.Millisecond})
				transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
					if !strings.HasSuffix(r.URL.Path, c.path) || !strings.Contains(r.URL.Query().Get("$filter"), "userPrincipalName"+c.comparison) {
						return nil
					}
					return listtest.Respond(r, http.StatusBadRequest, `{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)
				})
				l := list.New(listtest.Client(t, tenant, graph.Config{Transport: transport}), listtest.Parallel(4), nil)
				users := map[string]bool{}
				if upfront {
					l.OnRestart = func() { clear(users) }
				}
				for user, err := range l.Users(t.Context()) {
					if err != nil {
						t.Fatalf("%v: %v", c, err)
					}
					if users[string(user.ID)] {
						t.Fatalf("%v: a user was delivered twice", c)
					}
					users[string(user.ID)] = true
				}
				if len(users) != 2000 || !l.Report().Verified {
					t.Errorf("%v: %d users, %+v", c, len(users), l.Report())
				}
				if l.State().Progress.Undivided.IsZero() {
					t.Errorf("%v: that Graph refuses partitions is not remembered", c)
				}
			})
		}
	}
}

// TestPartitionsThatCannotBeCountedAreReadAsOne leaves no count under way, and remembers
// only a refusal: what was broken may work the next time.
func TestPartitionsThatCannotBeCountedAreReadAsOne(t *testing.T) {
	for name, fails := range map[string]func(bound string) bool{
		"any bound":      func(string) bool { return true },
		"the last bound": func(bound string) bool { return bound > "n" },
	} {
		for _, status := range []int{http.StatusNotExtended, http.StatusBadRequest} {
			for _, upfront := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %d, upfront %t", name, status, upfront), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						tenant := simulator.New(simulator.Config{Users: 2000, Latency: time.Second})
						transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
							bound, ok := strings.CutPrefix(r.URL.Query().Get("$filter"), "userPrincipalName le '")
							if listtest.IsList(r) || !ok || !fails(strings.TrimSuffix(bound, "'")) {
								return nil
							}
							time.Sleep(time.Duration(len(bound)) * time.Millisecond)
							return listtest.Respond(r, status, `{"error":{"code":"x"}}`)
						})
						l := list.New(listtest.Client(t, tenant, graph.Config{Transport: transport}), listtest.Parallel(4), nil)
						if upfront {
							l.OnRestart = func() {}
						}
						users := 0
						for _, err := range l.Users(t.Context()) {
							if err != nil {
								t.Fatal(err)
							}
							users++
						}
						if r := l.Report(); users != 2000 || !r.Verified || r.Duplicates != 0 || r.Passes != 1 {
							t.Errorf("%d users, %+v", users, r)
						}
						if got, want := !l.State().Progress.Undivided.IsZero(), status == http.StatusBadRequest; got != want {
							t.Errorf("that Graph refuses partitions is remembered: %t", got)
						}
						requests := len(tenant.Requests())
						time.Sleep(time.Hour)
						if len(tenant.Requests()) > requests {
							t.Error("counting continued after the list had ended")
						}
					})
				})
			}
		}
	}
}
