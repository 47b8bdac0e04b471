package graph_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

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
