package graph_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// changesOf reads the changes behind a link of a Graph that answers by answer.
func changesOf(t *testing.T, link string, answer func(r *http.Request) (int, string)) (changes []string, next string, err error) {
	t.Helper()
	next, err = scripted(answer).client(t, 2).Delta(t.Context(), link, new(graph.Stats), func(c graph.Change) error {
		changes = append(changes, string(c.ID)+":"+c.Removed)
		return nil
	})
	return changes, next, err
}

const deltaRoot = "https://graph.microsoft.com/v1.0/users/delta"

func TestChangesAreReadToTheDeltaLink(t *testing.T) {
	changes, next, err := changesOf(t, deltaRoot+"?$deltatoken=a", func(r *http.Request) (int, string) {
		if strings.Contains(r.URL.RawQuery, "skiptoken") {
			return 200, `{"value":[{"id":"u1","@removed":{"reason":"deleted"}},{"id":"u3"}],"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b"}`
		}
		return 200, `{"@odata.nextLink":"` + deltaRoot + `?$skiptoken=x","value":[{"id":"u1"},{"@removed":{"reason":"changed"},"id":"u2"},{"id":"u1","@removed":{"reason":"changed"}}]}`
	})
	if err != nil || next != deltaRoot+"?$deltatoken=b" {
		t.Fatalf("%q, %v", next, err)
	}
	if diff := cmp.Diff([]string{"u1:", "u2:changed", "u1:changed", "u1:deleted", "u3:"}, changes); diff != "" {
		t.Error(diff)
	}
}

func TestARemovalOfAnUnknownFormIsARemoval(t *testing.T) {
	changes, _, err := changesOf(t, deltaRoot+"?$deltatoken=a", func(*http.Request) (int, string) {
		return 200, `{"value":[{"id":"a","@removed":null},{"id":"b","@removed":{}},{"id":"c","@removed":{"reason":7}},{"id":"d","@removed":{"reason":"DELETED"}}],"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b"}`
	})
	if diff := cmp.Diff([]string{"a:changed", "b:changed", "c:changed", "d:deleted"}, changes); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestChangesThatBreakHalfWayComeAgain(t *testing.T) {
	tries := 0
	changes, _, err := changesOf(t, deltaRoot+"?$deltatoken=a", func(*http.Request) (int, string) {
		if tries++; tries == 1 {
			return 200, `{"value":[{"id":"u1"},{"id":"u2"}`
		}
		return 200, `{"value":[{"id":"u1"},{"id":"u2"},{"id":"u1","@removed":{"reason":"changed"}}],"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b"}`
	})
	if diff := cmp.Diff([]string{"u1:", "u2:", "u1:", "u2:", "u1:changed"}, changes); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestChangesWithoutADeltaLinkAreAnError(t *testing.T) {
	_, _, err := changesOf(t, deltaRoot+"?$deltatoken=a", func(*http.Request) (int, string) { return 200, `{"value":[]}` })
	var answer *graph.Error
	if !errors.As(err, &answer) {
		t.Errorf("%v", err)
	}
}

func TestAnExpiredDeltaTokenIsToldApart(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
	}{{400, "syncStateNotFound"}, {410, "resyncRequired"}, {404, "SyncStateNotFound"}, {400, "Directory_ExpiredPageToken"}} {
		_, _, err := changesOf(t, deltaRoot+"?$deltatoken=a", func(*http.Request) (int, string) {
			return c.status, `{"error":{"code":"` + c.code + `","message":""}}`
		})
		var answer *graph.Error
		if !errors.As(err, &answer) || !answer.PageToken() {
			t.Errorf("%d %s: %v", c.status, c.code, err)
		}
	}
}

func TestADeltaLinkGoesToTheConfiguredHostAndPath(t *testing.T) {
	for link, allowed := range map[string]bool{
		deltaRoot + "?$deltatoken=a":                                           true,
		deltaRoot + "()?$deltatoken=a":                                         true,
		"https://graph.microsoft.com/v1.0/users/microsoft.graph.delta?$x=1":    true,
		"https://graph.microsoft.com/v1.0/users/microsoft.graph.delta()?$x=1":  true,
		"https://graph.microsoft.com/v1.0/users?$deltatoken=a":                 false,
		"https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=a":          false,
		"https://graph.example.com/v1.0/users/delta?$deltatoken=a":             false,
		"https://graph.microsoft.com/v1.0/users/delta/x?$deltatoken=a":         false,
		"https://graph.microsoft.com/v1.0/users/microsoft.graph.deltas?$x=1":   false,
		"https://graph.microsoft.com/v1.0/users/microsoft.graph.delta/()?$x=1": false,
		"http://graph.microsoft.com/v1.0/users/delta?$deltatoken=a":            false,
		"https://graph.m\u0130crosoft.com/v1.0/users/delta?$deltatoken=a":      false,
		"https://graph.m%C4%B0crosoft.com/v1.0/users/delta?$deltatoken=a":      false,
		"https://graph.micro\u017foft.com/v1.0/users/delta?$deltatoken=a":      false,
		"https://graph.microsoft.com/v1.0/u\u017fers/delta?$deltatoken=a":      false,
		"https://graph.microsoft.com/V1.0/Users/Microsoft.Graph.Delta()?$x=1":  true,
		"https://user@graph.microsoft.com/v1.0/users/delta?$deltatoken=a":      false,
	} {
		asked := false
		_, _, err := changesOf(t, link, func(*http.Request) (int, string) {
			asked = true
			return 200, `{"value":[],"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b"}`
		})
		if asked != allowed || (err == nil) != allowed {
			t.Errorf("%s: asked %t, %v", link, asked, err)
		}
	}
}

func TestTheDeltaLinkOfNowIsAskedForWithTheTrackedProperties(t *testing.T) {
	query := ""
	link, err := scripted(func(r *http.Request) (int, string) {
		query = r.URL.RawQuery
		return 200, `{"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=now","value":[]}`
	}).client(t, 1).DeltaLink(t.Context(), []string{"id", "userPrincipalName"}, new(graph.Stats))
	if err != nil || link != deltaRoot+"?$deltatoken=now" || query != "$select=id%2CuserPrincipalName&$deltatoken=latest" {
		t.Errorf("%q, %v, asked %q", link, err, query)
	}
}

func TestEveryFormOfAnExpiredDeltaLinkIsToldApartFromABadSelect(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		expired bool
	}{
		{400, `{"error":{"code":"syncStateNotFound"}}`, true},
		{400, `{"error":{"code":"SyncStateNotFound"}}`, true},
		{404, `{"error":{"code":"SyncStateNotFound"}}`, true},
		{400, `{"error":{"code":"resyncRequired"}}`, true},
		{400, `{"error":{"code":"BadRequest","innerError":{"code":"syncStateNotFound"}}}`, true},
		{400, `{"error":{"code":"BadRequest","innererror":{"code":"resyncRequired"}}}`, true},
		{400, `{"error":{"code":"Directory_ExpiredPageToken"}}`, true},
		{400, `{"error":{"code":"DirectoryPageTokenNotFoundException"}}`, true},
		{410, `{"error":{"code":"resyncRequired"}}`, true},
		{410, `{"error":{"code":""}}`, true},
		{410, `<html>gone</html>`, true},
		{410, ``, true},
		{400, `{"error":{"code":"Request_BadRequest","message":"Could not find a property named 'x'"}}`, false},
		{400, `{"error":{"code":"Request_UnsupportedQuery"}}`, false},
		{400, ``, false},
		{403, `{"error":{"code":"syncStateNotFound"}}`, false},
		{501, `{"error":{"code":"NotImplemented"}}`, false},
		{500, `{"error":{"code":"syncStateNotFound"}}`, false},
	} {
		_, _, err := changesOf(t, deltaRoot+"?$deltatoken=a", func(*http.Request) (int, string) { return c.status, c.body })
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.DeltaExpired() != c.expired {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
	}
	_, err := scripted(func(*http.Request) (int, string) { return 410, "" }).client(t, 1).DeltaLink(t.Context(), nil, new(graph.Stats))
	var answer *graph.Error
	if !errors.As(err, &answer) || answer.DeltaExpired() {
		t.Errorf("a link of now has not expired: %v", err)
	}
}

// threePages are pages of changes and the link behind them.
func threePages(r *http.Request) (int, string) {
	switch link := `","value":[{"id":"u`; {
	case strings.HasSuffix(r.URL.RawQuery, "$skiptoken=3"):
		return 200, `{"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b` + link + `3"}]}`
	case strings.HasSuffix(r.URL.RawQuery, "$skiptoken=2"):
		return 200, `{"@odata.nextLink":"` + deltaRoot + `?$skiptoken=3` + link + `2"}]}`
	default:
		return 200, `{"@odata.nextLink":"` + deltaRoot + `?$skiptoken=2` + link + `1"}]}`
	}
}

func TestARoundOfChangesCanBeLeftAtTheEndOfAPage(t *testing.T) {
	client := scripted(threePages).client(t, 1)
	var read []string
	link, rounds := deltaRoot+"?$deltatoken=a", 0
	for paused := true; paused; rounds++ {
		var err error
		link, paused, err = client.DeltaRound(t.Context(), link, graph.DeltaOptions{Pause: func() bool { return true }}, new(graph.Stats), func(c graph.Change) error {
			read = append(read, string(c.ID))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"u1", "u2", "u3"}, read); diff != "" || rounds != 3 || link != deltaRoot+"?$deltatoken=b" {
		t.Errorf("%s after %d rounds at %s", diff, rounds, link)
	}
}

func TestTheTrackedPropertiesCanBeChangedWithALink(t *testing.T) {
	for link, want := range map[string]string{
		"?$deltatoken=a%2Fb":                    "$deltatoken=a%2Fb&$select=id%2Cmail",
		"?$select=id,x&$deltatoken=a":           "$deltatoken=a&$select=id%2Cmail",
		"?%24Select=id&$deltaToken=a&$format=x": "$deltaToken=a&$format=x&$select=id%2Cmail",
	} {
		asked := ""
		_, _, err := scripted(func(r *http.Request) (int, string) {
			asked = r.URL.RawQuery
			return 200, `{"value":[],"@odata.deltaLink":"` + deltaRoot + `?$deltatoken=b"}`
		}).client(t, 1).DeltaRound(t.Context(), deltaRoot+link, graph.DeltaOptions{Select: []string{"id", "mail"}}, new(graph.Stats), nil)
		if err != nil || asked != want {
			t.Errorf("%s: asked %s, %v", link, asked, err)
		}
	}
}

func TestTheManagerIsReadFromAChange(t *testing.T) {
	for list, want := range map[string]graph.Manager{
		`[{"id":"m1"}]`: {Told: true, ID: "m1"},
		`[{"@odata.type":"#microsoft.graph.user","id":"m1","@removed":{"reason":"deleted"}}]`: {Told: true},
		`[{"id":"m1","@removed":{"reason":"deleted"}},{"id":"m2"}]`:                           {Told: true, ID: "m2"},
		`[{"id":"m2"},{"id":"m1","@removed":{"reason":"deleted"}}]`:                           {Told: true, ID: "m2"},
		`[{"id":"m2"},{"id":"M2","@removed":{"reason":"deleted"}}]`:                           {Told: true},
		`[]`: {}, `null`: {}, `{}`: {}, `"m1"`: {}, `[7]`: {}, `[{}]`: {}, `[null,{"id":7}]`: {}, `[[{"id":"m1"}]]`: {},
	} {
		c := graph.Change{User: graph.User{Raw: []byte(`{"id":"u","manager@delta":` + list + `,"mail":null}`)}}
		if got := c.ManagerOf(); got != want {
			t.Errorf("%s: %+v, want %+v", list, got, want)
		}
	}
	if got := (graph.Change{User: graph.User{Raw: []byte(`{"id":"u"}`)}}).ManagerOf(); got.Told {
		t.Errorf("%+v", got)
	}
}

func FuzzManager(f *testing.F) {
	f.Add(`[{"id":"m1","@removed":{"reason":"changed"}}]`)
	f.Fuzz(func(t *testing.T, list string) {
		raw := jsontext.Value(`{"id":"u","manager@delta":` + list + `}`)
		if !raw.IsValid() {
			return
		}
		if m := (graph.Change{User: graph.User{Raw: raw}}).ManagerOf(); !m.Told && m.ID != "" {
			t.Fatalf("%+v", m)
		}
	})
}
