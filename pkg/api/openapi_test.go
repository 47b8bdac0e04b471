package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// openAPI is the part of a document that these tests read.
type openAPI struct {
	OpenAPI string
	Servers []struct{ URL string }
	Paths   map[string]struct {
		Get struct {
			Responses map[string]json.RawMessage
		}
	}
	Components struct {
		Parameters map[string]struct {
			Schema struct{ Items struct{ Enum []string } }
		}
		Schemas struct {
			User struct{ Properties map[string]json.RawMessage }
		}
	}
}

func describe(t *testing.T, s *served, r *http.Request) (d openAPI, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	text = w.Body.String()
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d, text
}

func TestTheDescriptionFollowsTheConfigurationAndTheCaller(t *testing.T) {
	s := serve(t, simulator.Config{Users: 10})
	for _, path := range []string{"/openapi.json", "/v1.0/openapi.json"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example"+path, http.NoBody)
		r.Header.Set(header.Prefix, "/stage")
		d, text := describe(t, s, r)
		if d.OpenAPI != "3.1.0" || d.Servers[0].URL != "https://api.example/stage" || d.Servers[1].URL != "https://api.example/stage/v1.0" {
			t.Errorf("%s: %+v", path, d)
		}
		columns := []string{"id", "displayName", "department"}
		if diff := cmp.Diff(slices.Sorted(slices.Values(columns)), slices.Sorted(maps.Keys(d.Components.Schemas.User.Properties))); diff != "" {
			t.Errorf("the columns: %s", diff)
		}
		if diff := cmp.Diff(columns, d.Components.Parameters["select"].Schema.Items.Enum); diff != "" {
			t.Errorf("$select: %s", diff)
		}
		if left := regexp.MustCompile(`"\$(servers|listed|columns|formats|lists|user|plain|odata|head|errors)"`).FindString(text); left != "" {
			t.Errorf("%s was not filled in", left)
		}
		for _, ref := range regexp.MustCompile(`"\$ref":"#/components/([a-z]+)/([^"]+)"`).FindAllStringSubmatch(text, -1) {
			var all struct {
				Components map[string]map[string]json.RawMessage
			}
			if err := json.Unmarshal([]byte(text), &all); err != nil || all.Components[ref[1]][ref[2]] == nil {
				t.Errorf("%s leads nowhere", ref[0])
			}
		}
	}
}

// TestEveryTypeOfAPropertyHasASchema so that a new type in the table is not forgotten.
func TestEveryTypeOfAPropertyHasASchema(t *testing.T) {
	s := serve(t, simulator.Config{Users: 1}, append(property.Listed(), property.Manager)...)
	d, _ := describe(t, s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/openapi.json", http.NoBody))
	for name, schema := range d.Components.Schemas.User.Properties {
		typeName, _ := property.ColumnType(name)
		if open := string(schema) == "{}"; open != (typeName == "Edm.Untyped" || strings.HasPrefix(typeName, "graph.") && !structured(typeName)) {
			t.Errorf("%s is a %s: %s", name, typeName, schema)
		}
	}
}

func structured(typeName string) bool {
	_, ok := property.Structure(typeName)
	return ok
}

// TestEveryStatusThatIsAnsweredIsDescribed looks for statuses in the code.
func TestEveryStatusThatIsAnsweredIsDescribed(t *testing.T) {
	text, err := os.ReadFile("../failure/failure.go")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, simulator.Config{Users: 1})
	d, _ := describe(t, s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/openapi.json", http.NoBody))
	statuses := map[string]int{
		"BadRequest": 400, "Unauthorized": 401, "NotFound": 404, "RequestEntityTooLarge": 413, "InternalServerError": 500, "BadGateway": 502, "ServiceUnavailable": 503,
		"GatewayTimeout": 504,
	}
	for _, name := range regexp.MustCompile(`http\.Status([A-Za-z]+)`).FindAllStringSubmatch(string(text), -1) {
		status, known := statuses[name[1]]
		if _, described := d.Paths["/users"].Get.Responses[strconv.Itoa(status)]; !known || !described {
			t.Errorf("the status %s is not described", name[1])
		}
	}
}

func TestTheDescriptionTakesNoOptionsAndCanOnlyBeRead(t *testing.T) {
	s := serve(t, simulator.Config{Users: 1})
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{http.MethodGet, "/openapi.json?$top=1", 400},
		{http.MethodPost, "/openapi.json", 405},
		{http.MethodGet, "/openapi.json/x", 404},
		{http.MethodHead, "/openapi.json", 200},
		{http.MethodGet, "/OpenAPI.json/", 200},
	} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, "https://api.example"+c.target, http.NoBody))
		if w.Code != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.target, w.Code, w.Body)
		}
	}
}
