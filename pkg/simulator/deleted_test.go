package simulator_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const deletedItems = "/directory/deletedItems/microsoft.graph.user"

func TestDeletedUsersAreListedUntilTheyAreRestoredOrPurged(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30})
	for index := range 7 {
		must(t, c.tenant.Delete(index))
	}
	must(t, c.tenant.Restore(2), c.tenant.Purge(3))
	ids, pages := c.all(deletedItems+"?$select=id,userPrincipalName&$top=2", "id")
	var want []string
	for _, index := range []int{0, 1, 4, 5, 6} {
		want = append(want, `"`+c.tenant.ID(index)+`"`)
	}
	if diff := cmp.Diff(want, ids); diff != "" || pages != 3 {
		t.Errorf("%s on %d pages", diff, pages)
	}
	single := c.get(deletedItems + "/" + c.tenant.ID(4) + "?$select=id,userPrincipalName,deletedDateTime")
	name := strings.ReplaceAll(c.tenant.ID(4), "-", "") + c.tenant.UserPrincipalName(4)
	if single.status != 200 || !strings.Contains(single.body, `"userPrincipalName":"`+name+`"`) || !strings.Contains(single.body, `"deletedDateTime":"20`) {
		t.Errorf("%d %s", single.status, single.body)
	}
	for path, status := range map[string]int{
		deletedItems + "/" + c.tenant.ID(3): 404, deletedItems + "/" + c.tenant.ID(9): 404, deletedItems + "/nobody": 404,
		"/directory/deletedItems": 400, deletedItems + "?$expand=manager($select=id)": 400,
	} {
		if got := c.get(path); got.status != status {
			t.Errorf("%s: %d, want %d: %s", path, got.status, status, got.body)
		}
	}
}

func TestAManagerCanBeChanged(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30})
	link := c.latest("$select=id,manager")
	var person struct{ ID string }
	if a := c.get("/users/" + c.tenant.ID(21) + "/manager"); json.Unmarshal([]byte(a.body), &person) != nil {
		t.Fatal(a.body)
	}
	before := person.ID
	must(t, c.tenant.SetManager(20, 5), c.tenant.SetManager(21, -1))
	if c.tenant.SetManager(20, 20) == nil || c.tenant.SetManager(20, 99) == nil {
		t.Error("nobody is their own manager, or that of somebody who does not exist")
	}
	body := c.get(link).body
	for _, want := range []string{
		`{"id":"` + c.tenant.ID(20) + `","manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"` + c.tenant.ID(5) + `"}]}`,
		`{"id":"` + c.tenant.ID(21) + `","manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"` + before + `","@removed":{"reason":"deleted"}}]}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if got := c.get("/users/" + c.tenant.ID(20) + "?$select=id&$expand=manager($select=id)"); !strings.Contains(got.body, c.tenant.ID(5)) {
		t.Errorf("%s", got.body)
	}
	if got := c.get("/users/" + c.tenant.ID(21) + "/manager"); got.status != http.StatusNotFound {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func deltaDrops(t *testing.T, c *client, _ string) {
	t.Helper()
	link := c.latest("$select=id")
	must(t, c.tenant.Delete(4), c.tenant.Delete(5))
	if entries, _, _ := c.round(link); !slices.Equal(entries, []string{"5 changed"}) {
		t.Errorf("%v", entries)
	}
}

func deltaHidesManagers(t *testing.T, c *client, _ string) {
	t.Helper()
	link := c.latest("$select=id,manager")
	must(t, c.tenant.SetManager(20, 5))
	if body := c.get(link).body; !strings.Contains(body, c.tenant.ID(20)) || strings.Contains(body, "manager@delta") {
		t.Errorf("%s", body)
	}
}

func batchThrottles(t *testing.T, c *client, _ string) {
	t.Helper()
	r := c.request(t.Context(), http.MethodPost, graphURL+"/v1.0/$batch", `{"requests":[{"id":"a","method":"GET","url":"/users/`+c.tenant.ID(1)+`"},{"id":"b","method":"GET","url":"/users/`+c.tenant.ID(2)+`"}]}`)
	r.Header.Set("Authorization", "Bearer "+c.buy(""))
	r.Header.Set("Content-Type", "application/json")
	var got struct {
		Responses []struct {
			ID      string
			Status  int
			Headers map[string]string
		}
	}
	if a := c.do(r); json.Unmarshal([]byte(a.body), &got) != nil || len(got.Responses) != 2 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, a := range got.Responses {
		if want := map[string]int{"a": 429, "b": 200}[a.ID]; a.Status != want || want == 429 && a.Headers["Retry-After"] != "3" {
			t.Errorf("%+v", a)
		}
	}
}
