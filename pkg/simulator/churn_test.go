package simulator_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestChurnFollowsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 1000, Churn: 60})
		before, _ := c.all(graphURL+"/v1.0/users?$select=id&$top=999", "id")
		time.Sleep(5 * time.Minute)
		after, _ := c.all(graphURL+"/v1.0/users?$select=id&$top=999", "id")
		same := map[string]bool{}
		for _, id := range before {
			same[id] = true
		}
		created := 0
		for _, id := range after {
			if !same[id] {
				created++
			}
		}
		if created < 40 || created > 50 || len(after) != distinct(after) || len(after) > len(before)+20 || len(after) < len(before)-20 {
			t.Errorf("%d before, %d after, of which %d new", len(before), len(after), created)
		}
		renamed, _ := c.all(graphURL+"/v1.0"+users("$select=userPrincipalName", "$top=999"), "userPrincipalName")
		renamed = slices.DeleteFunc(renamed, func(upn string) bool { return !regexp.MustCompile(`\.r\d+@`).MatchString(upn) })
		if len(renamed) < 35 || len(renamed) > 50 {
			t.Errorf("%d users are renamed", len(renamed))
		}
	})
}

func TestChurnShowsInDeltaQueriesAmongTheDeletedAndInNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 60, Churn: 60})
		s.subscribe(nil)
		link := s.latest("$select=id,userPrincipalName,department")
		for range 20 {
			time.Sleep(time.Minute)
			s.get("/users/" + s.tenant.ID(0)) // what is due happens when somebody asks
		}
		synctest.Wait()
		changed, purged, times := map[string]bool{}, map[string]bool{}, map[string]int{}
		for _, r := range s.seen(false) {
			for _, n := range r.Value {
				id := strings.TrimPrefix(n.Resource, "Users/")
				changed[id], purged[id] = true, n.ChangeType == "deleted"
				times[n.ChangeType]++
			}
		}
		s.token = s.buy("")
		want := map[string][]string{}
		for _, entry := range s.entries(link) {
			id, stage, _ := strings.Cut(entry, " ")
			want[stage] = append(want[stage], id)
			if !changed[id] || purged[id] != (stage == "deleted") {
				t.Errorf("%s is %s, but the notifications do not say so", id, stage)
			}
			delete(changed, id)
		}
		if len(changed) > 0 {
			t.Errorf("of %d users the notifications alone tell", len(changed))
		}
		deleted, _ := s.all(deletedItems+"?$select=id&$top=999", "id")
		for i := range deleted {
			deleted[i] = strings.Trim(deleted[i], `"`)
		}
		slices.Sort(deleted)
		slices.Sort(want["changed"])
		if diff := cmp.Diff(want["changed"], deleted); diff != "" {
			t.Errorf("the deleted users: %s", diff)
		}
		if times["updated"]+times["deleted"] != s.tenant.Position() || times["deleted"] == 0 || len(deleted) == 0 || len(want["there"]) < 100 {
			t.Errorf("%v of %d changes, %d deleted, %d there", times, s.tenant.Position(), len(deleted), len(want["there"]))
		}
	})
}

// entries reads a round of changes to its end, each as "id there", "id changed" or "id
// deleted".
func (c *client) entries(link string) (entries []string) {
	c.t.Helper()
	for link != "" {
		p := c.deltaPage(link)
		for _, entry := range p.Value {
			stage := "there"
			if entry["@removed"] != nil {
				stage = "changed"
				if strings.Contains(string(entry["@removed"]), "deleted") {
					stage = "deleted"
				}
			}
			entries = append(entries, strings.Trim(string(entry["id"]), `"`)+" "+stage)
		}
		link = p.Next
	}
	return entries
}
