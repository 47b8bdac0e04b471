package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestPresenceIsKnownBetweenAnyTwoMoments(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 5})
	tenant := c.tenant
	must(t, tenant.Delete(0))
	from := tenant.Position()
	must(t, tenant.Delete(1), tenant.Restore(0), tenant.Delete(2), tenant.Restore(2), tenant.Rename(3, "x.y@contoso.example"), tenant.Move(4, true))
	tenant.Create()
	to := tenant.Position()
	must(t, tenant.Delete(3), tenant.Delete(5))
	tenant.Create()
	for _, test := range []struct {
		name string
		got  []string
		want []int
	}{
		{"throughout", tenant.PresentThroughout(from, to), []int{3, 4}},
		{"ever", tenant.PresentEver(from, to), []int{0, 1, 2, 3, 4, 5}},
		{"at one moment", tenant.PresentThroughout(from, from), []int{1, 2, 3, 4}},
		{"at the last moment", tenant.PresentEver(tenant.Position(), tenant.Position()), []int{0, 2, 4, 6}},
	} {
		var want []string
		for _, index := range test.want {
			want = append(want, tenant.ID(index))
		}
		if diff := cmp.Diff(want, test.got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// visit reads a tenant as a careless client does: it goes on wherever it can, and says
// what it has seen of the faults.
func visit(t *testing.T, seed uint64, parallel int) (faults []string, changes int) {
	tenant := simulator.New(simulator.Config{Users: 300, Chaos: seed})
	c := clientOf(t, tenant)
	for range 20 {
		if c.token != "" {
			break
		}
		c.token = c.buy("")
	}
	c.eventual()
	var group sync.WaitGroup
	for reader := range parallel {
		group.Go(func() {
			for page := range 5 {
				for _, path := range []string{
					fmt.Sprintf("/users?$select=id&$top=%d", 50+reader), fmt.Sprintf("/users/$count?reader=%d", reader),
					fmt.Sprintf("/users/delta?$deltatoken=latest&page=%d%d", reader, page),
				} {
					ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
					r := c.request(ctx, http.MethodGet, graphURL+"/v1.0"+path, "")
					r.Header.Set("ConsistencyLevel", "eventual")
					r.Header.Set("Authorization", "Bearer "+c.token)
					c.do(r)
					cancel()
				}
			}
		})
	}
	group.Wait()
	for _, request := range tenant.Requests() {
		for _, name := range request.Faults {
			faults = append(faults, fmt.Sprintf("%s %s?%s", name, request.Path, request.RawQuery))
		}
	}
	slices.Sort(faults)
	return faults, tenant.Position()
}

func TestChaosIsDecidedByItsSeedHoweverManyReadAtOnce(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			seed++
			first, changes := visit(t, seed, 3)
			second, same := visit(t, seed, 3)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("seed %d meets other faults the second time: %s", seed, diff)
			}
			if changes != same && (changes == 0) != (same == 0) {
				t.Errorf("seed %d makes %d changes, then %d", seed, changes, same)
			}
		})
	}
}

func TestChaosHasEveryFaultAndEveryChangeAndMostlyPeace(t *testing.T) {
	met := map[string]int{}
	requests, quiet := 0, 0
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			faults, changes := visit(t, seed+1, 4)
			for _, fault := range faults {
				var name string
				_, _ = fmt.Sscan(fault, &name)
				met[name]++
			}
			requests += 60
			if changes == 0 {
				quiet++
			}
		})
	}
	total := 0
	for _, fault := range simulator.FaultNames() {
		total += met[fault.Name]
	}
	if total < requests/50 || total > requests/8 {
		t.Errorf("%d faults in %d requests", total, requests)
	}
	if quiet == 0 || quiet > 75 {
		t.Errorf("%d of 150 tenants do not change", quiet)
	}
	if len(met) < 60 {
		t.Errorf("%d kinds of faults in %d requests: %v", len(met), requests, met)
	}
}

func TestChaosEndsStalledConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 300, Chaos: 1, Faults: []simulator.Fault{{Name: "stall"}}})
		start := time.Now()
		if a := c.get("/users"); a.err == nil || time.Since(start) > 4*time.Second {
			t.Errorf("%v after %v: %d", a.err, time.Since(start), a.status)
		}
	})
}

// Without delta queries a client cannot tell who was renamed and missed from who left.
func TestChaosOnlyAddsUsersWhereNobodyTellsOfChanges(t *testing.T) {
	added := 0
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{Users: 300, Chaos: seed + 1, NoDelta: true})
			c := clientOf(t, tenant)
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				r := c.request(ctx, http.MethodGet, graphURL+"/v1.0/organization", "")
				r.Header.Set("Authorization", "Bearer "+c.token)
				c.do(r)
				cancel()
			}
			changes := tenant.Position()
			if there := tenant.PresentThroughout(0, changes); len(there) != 300 || tenant.Users() != 300+changes {
				t.Errorf("seed %d: %d of 300 users stay, %d are there after %d changes", seed+1, len(there), tenant.Users(), changes)
			}
			added += changes
		})
	}
	if added == 0 {
		t.Error("nobody comes")
	}
}

func TestChaosRefusesSingleRequestsOfABatch(t *testing.T) {
	refused, served := 0, 0
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, simulator.Config{Users: 30, Chaos: seed + 1})
			var body struct {
				Responses []struct{ Status int }
			}
			items := ""
			for index := range 20 {
				items += fmt.Sprintf(`,{"id":"%d","method":"GET","url":"/users/%s?$select=id"}`, index, c.tenant.ID(index))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			r := c.request(ctx, http.MethodPost, graphURL+"/v1.0/$batch", `{"requests":[`+items[1:]+`]}`)
			r.Header.Set("Authorization", "Bearer "+c.token)
			if a := c.do(r); a.status == 200 && json.Unmarshal([]byte(a.body), &body) == nil {
				for _, response := range body.Responses {
					switch response.Status {
					case 200, 404:
						served++
					case 400, 401, 403, 429, 500, 503:
						refused++
					default:
						t.Errorf("seed %d: status %d", seed+1, response.Status)
					}
				}
			}
		})
	}
	if refused == 0 || refused > served/5 {
		t.Errorf("%d requests of batches are refused and %d served", refused, served)
	}
}
