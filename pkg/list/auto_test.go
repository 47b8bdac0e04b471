package list_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// pageTime is how long the fast Graph takes to answer.
const pageTime = 100 * time.Millisecond

// fastGraph is a Graph of sorted names that costs no time of the processor, so that a
// million users can be read in simulated time. A user's id is the place of its name.
type fastGraph struct {
	names []string
	// most is how many requests may be under way, 0 for any number; more are throttled.
	most int64

	underWay, counts, pages, refused atomic.Int64
}

func (g *fastGraph) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "graph.microsoft.com" {
		panic("no other host is asked")
	}
	n := g.underWay.Add(1)
	defer g.underWay.Add(-1)
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(pageTime):
	}
	if g.most > 0 && n > g.most {
		g.refused.Add(1)
		throttled := listtest.Respond(r, http.StatusTooManyRequests, `{"error":{"code":"TooManyRequests","message":"slow down"}}`)
		throttled.Header.Set("Retry-After", "1")
		return throttled, nil
	}
	q := r.URL.Query()
	from, to := g.between(q.Get("$filter"))
	switch {
	case strings.HasSuffix(r.URL.Path, "/delta"):
		return listtest.Respond(r, http.StatusOK, `{"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a","value":[]}`), nil
	case strings.HasSuffix(r.URL.Path, "/$count"):
		g.counts.Add(1)
		return listtest.Respond(r, http.StatusOK, strconv.Itoa(to-from)), nil
	}
	g.pages.Add(1)
	top, _ := strconv.Atoi(q.Get("$top"))
	skip, _ := strconv.Atoi(q.Get("$skiptoken"))
	from += skip
	var body bytes.Buffer
	body.WriteString("{")
	if from+top < to {
		q.Set("$skiptoken", strconv.Itoa(skip+top))
		fmt.Fprintf(&body, `"@odata.nextLink":%q,`, "https://graph.microsoft.com/v1.0/users?"+q.Encode())
	}
	body.WriteString(`"value":[`)
	for i := from; i < min(to, from+top); i++ {
		if i > from {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"00000000-0000-4000-8000-%012d"`, i)
		if strings.Contains(q.Get("$select"), "userPrincipalName") {
			fmt.Fprintf(&body, `,"userPrincipalName":%q`, g.names[i])
		}
		body.WriteByte('}')
	}
	body.WriteString("]}")
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(&body), Request: r}, nil
}

// between returns the places of the names that match a $filter of ge and le.
func (g *fastGraph) between(filter string) (from, to int) {
	to = len(g.names)
	for term := range strings.SplitSeq(filter, " and ") {
		if bound, ok := strings.CutPrefix(term, "userPrincipalName ge '"); ok {
			from, _ = slices.BinarySearch(g.names, strings.TrimSuffix(bound, "'"))
		}
		if bound, ok := strings.CutPrefix(term, "userPrincipalName le '"); ok {
			place, found := slices.BinarySearch(g.names, strings.TrimSuffix(bound, "'"))
			if to = place; found {
				to++
			}
		}
	}
	return from, max(from, to)
}

// outcome is what reading the fast Graph took.
type outcome struct {
	took, first   time.Duration // of all users, of the first one
	pages, counts int64
	report        list.Report
	partitions    int
}

// read lists all names, each of which has to come once.
func (g *fastGraph) read(t *testing.T, request list.Request, upfront bool) outcome {
	t.Helper()
	g.counts.Store(0)
	g.pages.Store(0)
	var o outcome
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		l := list.New(listtest.Client(t, tenant, graph.Config{Transport: g, Tokens: tenant.TokenSource(tenant.Transport())}), request, nil)
		times := make([]uint8, len(g.names))
		if upfront {
			l.OnRestart = func() { clear(times) }
		}
		started := time.Now()
		for user, err := range l.Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if o.first == 0 {
				o.first = time.Since(started)
			}
			i, _ := strconv.Atoi(string(user.ID[24:]))
			times[i]++
		}
		o.took, o.report = time.Since(started), l.Report()
		o.partitions = len(l.State().Progress.Partitions)
		for i, n := range times {
			if n != 1 {
				t.Fatalf("user %d was delivered %d times", i, n)
			}
		}
		if !o.report.Verified || o.report.Passes != 1 || o.report.Duplicates > o.partitions {
			t.Errorf("%+v", o.report)
		}
	})
	o.pages, o.counts = g.pages.Load(), g.counts.Load()
	return o
}

// automatic is the request of a default configuration.
func automatic() list.Request {
	return list.Request{Columns: listtest.Columns("id"), PageSize: 999, Parallel: list.MaxAuto, Auto: true}
}

// chain reads without partitions.
func chain() list.Request {
	r := automatic()
	r.Parallel, r.Auto = 1, false
	return r
}

// tenants are the names that tenants give.
func tenants() map[string]func(i int, random *rand.Rand) string {
	given := strings.Fields("anna bernd carla dirk elena fritz greta hans ida jan julia karl lena maria max mia nina noah olga paul quirin rosa sam sofia stefan tom ute vera wim xaver yara zoe")
	return map[string]func(i int, random *rand.Rand) string{
		"people": func(i int, random *rand.Rand) string {
			g := given[min(random.IntN(len(given)), random.IntN(len(given)))]
			return fmt.Sprintf("%s.%s%d@contoso.example", g, given[random.IntN(len(given))][:2], i)
		},
		"services": func(i int, _ *rand.Rand) string { return fmt.Sprintf("svc-%07d@contoso.example", i) },
		"digits":   func(i int, _ *rand.Rand) string { return fmt.Sprintf("%08d@contoso.example", i) },
		"guests": func(_ int, random *rand.Rand) string {
			return fmt.Sprintf("guest_%08x#ext#@contoso.example", random.Uint32())
		},
		"capitals": func(i int, _ *rand.Rand) string { return fmt.Sprintf("USER%07d@CONTOSO.EXAMPLE", i) },
		"umlauts":  func(i int, _ *rand.Rand) string { return fmt.Sprintf("ü%07d@contoso.example", i) },
		"a long prefix": func(i int, _ *rand.Rand) string {
			return fmt.Sprintf("%s%07d@contoso.example", strings.Repeat("same", 8), i)
		},
		"half of them s": func(i int, random *rand.Rand) string {
			return fmt.Sprintf("%s%07d@contoso.example", []string{"s", "a", "s", "t"}[random.IntN(4)], i)
		},
	}
}

func newFastGraph(kind string, users int) *fastGraph {
	random := rand.New(rand.NewPCG(1, 2))
	g := &fastGraph{names: make([]string, users)}
	for i := range g.names {
		g.names[i] = tenants()[kind](i, random)
	}
	slices.Sort(g.names)
	return g
}

// TestAutomaticPartitionsSaveTimeAndNeverCostMuch reads tenants of every kind and size
// in one chain and automatically: while somebody waits for the first user, and as a
// snapshot.
func TestAutomaticPartitionsSaveTimeAndNeverCostMuch(t *testing.T) {
	for _, c := range []struct {
		users  int
		kind   string
		faster float64 // than one chain
	}{
		{5_000, "people", 0.99},
		{20_000, "people", 1.3},
		{20_000, "services", 0.94}, // there is not the time to find out where the names differ
		{20_000, "guests", 0.94},
		{100_000, "people", 4},
		{100_000, "half of them s", 1.6},
		{100_000, "digits", 3},
		{100_000, "services", 3},
		{100_000, "guests", 1.1},
		{100_000, "capitals", 3},
		{100_000, "umlauts", 3},
		{100_000, "a long prefix", 0.94},
		{1_000_000, "people", 6},
		{1_000_000, "services", 6},
	} {
		t.Run(fmt.Sprintf("%d %s", c.users, c.kind), func(t *testing.T) {
			g := newFastGraph(c.kind, c.users)
			one := g.read(t, chain(), false)
			for _, upfront := range []bool{false, true} {
				auto := g.read(t, automatic(), upfront)
				faster := float64(one.took) / float64(auto.took)
				t.Logf("upfront %-5t: one chain %6.1f s, %4d pages; automatic %5.1f s, %2d partitions, %4d pages, %3d counts, first user after %s: %.2f times as fast",
					upfront, one.took.Seconds(), one.pages, auto.took.Seconds(), auto.partitions, auto.pages, auto.counts, auto.first, faster)
				if faster < c.faster {
					t.Errorf("it is %.2f times as fast, want %.2f", faster, c.faster)
				}
				if auto.counts > one.pages/10+70 || auto.pages > one.pages*21/20+10 {
					t.Errorf("%d counts and %d pages, where one chain has %d pages", auto.counts, auto.pages, one.pages)
				}
				if !upfront && auto.first != one.first {
					t.Errorf("the first user comes after %s, and after %s in one chain", auto.first, one.first)
				}
			}
		})
	}
}

// TestAThrottledListIsReadByFewerAtOnce has a tenant throttle whoever sends more than so
// many requests at the same time. Which of them it refuses is left to the scheduler: at two
// at once most lists are as fast as one chain, and of hundreds the slowest 0.66 times.
func TestAThrottledListIsReadByFewerAtOnce(t *testing.T) {
	g := newFastGraph("people", 200_000)
	one := g.read(t, chain(), false)
	for most, faster := range map[int64]float64{2: 0.6, 4: 1, 8: 2} {
		g.most = most
		g.refused.Store(0)
		auto := g.read(t, automatic(), false)
		ratio := float64(one.took) / float64(auto.took)
		t.Logf("%d at once: one chain takes %s, automatic %s with %d refusals: %.2f times as fast", most, one.took, auto.took, g.refused.Load(), ratio)
		if int64(auto.report.Throttled) != g.refused.Load() || auto.report.Throttled == 0 {
			t.Errorf("%d at once: %d requests were refused, %d are reported", most, g.refused.Load(), auto.report.Throttled)
		}
		if ratio < faster {
			t.Errorf("%d at once: it is %.2f times as fast, want %.2f", most, ratio, faster)
		}
	}
}

// TestAutomaticPartitionsFitIntoTheMemory of a function, ids included.
func TestAutomaticPartitionsFitIntoTheMemory(t *testing.T) {
	g := newFastGraph("people", 200_000)
	for mib, most := range map[int64]int{0: 16, 1024: 16, 128: 16, 64: 4, 56: 1, 1: 1} {
		request := automatic()
		request.Memory = mib << 20
		if got := g.read(t, request, true).partitions; got > most || got < (most+1)/2 {
			t.Errorf("%d MiB: %d partitions, want %d at most", mib, got, most)
		}
	}
}
