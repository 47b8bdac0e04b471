package parquet_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// one writes a user with the columns id and name, and reads name and
// additionalData back.
func one(t *testing.T, name, value string) (got, more any) {
	t.Helper()
	file := write(t, []string{"id", name}, parquet.Options{}, graph.User{Raw: []byte(`{"id":"1","` + name + `":` + value + `}`)})
	row, ok := read(t, file)[0].(map[string]any)
	if !ok {
		t.Fatal("a row is not a map")
	}
	return row[name], row[property.AdditionalData]
}

func TestEachTypeDistinguishesNullsFromEmptyLists(t *testing.T) {
	const extension = "extension_0123456789abcdef0123456789abcdef_x"
	type object = map[string]any
	type list = []any
	for _, test := range []struct {
		name, value string
		want        any
	}{
		{"displayName", `null`, nil},
		{"displayName", `""`, ""},
		{"displayName", `"null"`, "null"},
		{"displayName", `"a\u0000\u2028\ud83d\ude00 \ud83d x \"\\\/"`, "a\x00\u2028😀 \ufffd x \"\\/"},
		{"displayName", `4.50`, "4.50"},
		{"displayName", `true`, "true"},
		{"displayName", `{ "a" : [ 1 , "x y" ] }`, `{"a":[1,"x y"]}`},
		{"accountEnabled", `false`, false},
		{"accountEnabled", `null`, nil},
		{"deviceEnrollmentLimit", `-2147483648`, int32(-2147483648)},
		{"createdDateTime", `"1970-01-01T00:00:01Z"`, int64(1_000_000)},
		{"createdDateTime", `"1970-01-01T00:00:00.5Z"`, int64(500_000)},
		{"createdDateTime", `"1970-01-01T02:00:00+02:00"`, int64(0)},
		{"createdDateTime", `"1970-01-01T00:00:01\u005a"`, int64(1_000_000)},
		{"createdDateTime", `"0001-01-01T00:00:00Z"`, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()},
		{"createdDateTime", `"9999-12-31T23:59:59.9999990Z"`, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1},
		{"createdDateTime", `""`, nil},
		{"businessPhones", `null`, nil},
		{"businessPhones", `[]`, list{}},
		{"businessPhones", `[ "a" , null , "" , 7 ]`, list{"a", nil, "", "7"}},
		{"businessPhones", `["]","\"","\\",",","\\\""]`, list{"]", `"`, `\`, ",", `\"`}},
		{"customSecurityAttributes", `{"}":"]{[\"}","]":["]","\\",{"{":"\\\""}]}`, `{"}":"]{[\"}","]":["]","\\",{"{":"\\\""}]}`},
		{"employeeOrgData", `{"division":"}","costCenter":"{\"\\"}`, object{"costCenter": `{"\`, "division": "}"}},
		{"assignedLicenses", `[{"skuId":"}]"},{"disabledPlans":["]}","\""]}]`, list{
			object{"disabledPlans": nil, "skuId": "}]"}, object{"disabledPlans": list{"]}", `"`}, "skuId": nil},
		}},
		{"employeeOrgData", `null`, nil},
		{"employeeOrgData", `{}`, object{"costCenter": nil, "division": nil}},
		{"employeeOrgData", `{"division":"N","costCenter":null}`, object{"costCenter": nil, "division": "N"}},
		{"employeeOrgData", `{"division":"N","division":"S","\u0063ostCenter":"1"}`, object{"costCenter": "1", "division": "S"}},
		{"employeeOrgData", `{"@odata.type":"#x","division@odata.type":"#y","new":null}`, object{"costCenter": nil, "division": nil}},
		{"assignedLicenses", `[]`, list{}},
		{"assignedLicenses", `[null]`, list{nil}},
		{
			"assignedLicenses", `[{"skuId":"a","disabledPlans":["x",null,"y"]},null,{"disabledPlans":[]},{"disabledPlans":null}]`,
			list{
				object{"disabledPlans": list{"x", nil, "y"}, "skuId": "a"},
				nil,
				object{"disabledPlans": list{}, "skuId": nil},
				object{"disabledPlans": nil, "skuId": nil},
			},
		},
		{"customSecurityAttributes", `{"Project":{"Level@odata.type":"#Int32","Level":3}}`, `{"Project":{"Level@odata.type":"#Int32","Level":3}}`},
		{"manager", `{"@odata.type":"#microsoft.graph.user","id":"m"}`, object{"id": "m"}},
		{"manager", `null`, nil},
		{extension, `"text"`, "text"},
		{extension, `7`, "7"},
		{extension, `["a", "b"]`, `["a","b"]`},
	} {
		got, more := one(t, test.name, test.value)
		if diff := cmp.Diff(test.want, got); diff != "" || more != nil {
			t.Errorf("%s %s, more %v (-want +got):\n%s", test.name, test.value, more, diff)
		}
	}
}

func TestValuesThatDoNotFitAreInAdditionalData(t *testing.T) {
	for _, test := range []struct {
		name, value string
		want        any
	}{
		{"employeeOrgData", `{"division":"N","new":"\ud83d"}`, map[string]any{"costCenter": nil, "division": "N"}},
		{"assignedLicenses", `[{},{"new":[1]}]`, []any{map[string]any{"disabledPlans": nil, "skuId": nil}, map[string]any{"disabledPlans": nil, "skuId": nil}}},
		{"createdDateTime", `"1970-01-01T00:00:00.1234567Z"`, int64(123_456)},
		{"createdDateTime", `"yesterday"`, nil},
		{"createdDateTime", `"2024-02-30T00:00:00Z"`, nil},
		{"createdDateTime", `"2024-01-02T03:04:60Z"`, nil},
		{"createdDateTime", `"0001-01-01T00:00:00+00:01"`, nil},
		{"createdDateTime", `"9999-12-31T23:59:59-00:01"`, nil},
		{"manager", `{"id":"m","displayName":"M"}`, map[string]any{"id": "m"}},
	} {
		got, more := one(t, test.name, test.value)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.name, test.value, diff)
		}
		if want := `{"` + test.name + `":` + test.value + `}`; more != want {
			t.Errorf("additionalData is %v, want %s", more, want)
		}
	}
}

func TestInvalidUTF8BecomesTheReplacementCharacter(t *testing.T) {
	for _, name := range []string{"displayName", "customSecurityAttributes"} {
		for _, value := range []string{"\"a\xffb\"", "{\"a\xffb\":1}", "[\"a\xffb\"]"} {
			got, _ := one(t, name, value)
			if text, _ := got.(string); !strings.Contains(text, "a\ufffdb") || !utf8.ValidString(text) {
				t.Errorf("%s of %q is %q", name, value, got)
			}
		}
	}
}

func TestAdditionalDataHasEveryPropertyThatDoesNotFit(t *testing.T) {
	file := write(t, []string{"id", "manager", "mail", "createdDateTime"}, parquet.Options{}, graph.User{Raw: []byte(
		`{"createdDateTime":"never", "notSelected":"x", "mail":"m", "additionalData":"y", "manager": {"id" : "1", "x" : 1}, "id":"1"}`,
	)})
	row, _ := read(t, file)[0].(map[string]any)
	want := map[string]any{
		"id": "1", "manager": map[string]any{"id": "1"}, "mail": "m", "createdDateTime": nil,
		"additionalData": `{"manager":{"id":"1","x":1},"createdDateTime":"never"}`,
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Error(diff)
	}
}

func TestAKindErrorNamesThePropertyAndNotTheValue(t *testing.T) {
	for _, test := range []struct {
		name, value string
		want        parquet.KindError
	}{
		{"accountEnabled", `"canary"`, parquet.KindError{"accountEnabled", "Edm.Boolean", "string"}},
		{"accountEnabled", `{"a":"canary"}`, parquet.KindError{"accountEnabled", "Edm.Boolean", "object"}},
		{"deviceEnrollmentLimit", `"canary"`, parquet.KindError{"deviceEnrollmentLimit", "Edm.Int32", "string"}},
		{"deviceEnrollmentLimit", `1.5`, parquet.KindError{"deviceEnrollmentLimit", "Edm.Int32", "number"}},
		{"deviceEnrollmentLimit", `2147483648`, parquet.KindError{"deviceEnrollmentLimit", "Edm.Int32", "number"}},
		{"createdDateTime", `1700000000`, parquet.KindError{"createdDateTime", "Edm.DateTimeOffset", "number"}},
		{"businessPhones", `"canary"`, parquet.KindError{"businessPhones", "Collection(Edm.String)", "string"}},
		{"employeeOrgData", `["canary"]`, parquet.KindError{"employeeOrgData", "graph.employeeOrgData", "array"}},
		{"assignedPlans", `[{}, true]`, parquet.KindError{"assignedPlans", "graph.assignedPlan", "boolean"}},
		{"assignedPlans", `[{"assignedDateTime":["canary"]}]`, parquet.KindError{"assignedPlans.assignedDateTime", "Edm.DateTimeOffset", "array"}},
	} {
		w, err := parquet.New(io.Discard, []string{"id", test.name}, parquet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = w.User([]byte(`{"id":"1","` + test.name + `":` + test.value + `}`))
		var kind *parquet.KindError
		if !errors.As(err, &kind) || *kind != test.want {
			t.Errorf("%s %s: %v, want %+v", test.name, test.value, err, test.want)
			continue
		}
		if strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), test.want.Property) {
			t.Errorf("the message is %q", err)
		}
		if closing := w.Close(); !errors.Is(closing, err) {
			t.Errorf("Close after it: %v", closing)
		}
	}
}

func TestInvalidUsersAreRejected(t *testing.T) {
	for _, raw := range []string{``, ` `, `null`, `[]`, `"x"`, `{`, `{"id":"1"}}`, `{"id":"1"} {}`, `{"id":}`, `{}`, `{"id":null}`, `{"ID":"1"}`} {
		w, err := parquet.New(io.Discard, []string{"id"}, parquet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.User([]byte(raw)); err == nil {
			t.Errorf("%q was accepted", raw)
		}
	}
}

// FuzzUser compares any user with the model: an error from both, or the same
// row from both.
func FuzzUser(f *testing.F) {
	columns := []string{
		"id", "displayName", "accountEnabled", "deviceEnrollmentLimit", "createdDateTime", "businessPhones",
		"employeeOrgData", "assignedLicenses", "assignedPlans", "customSecurityAttributes", property.Manager,
	}
	for _, raw := range []string{
		`{"id":"1"}`,
		`{"id":"\ud83d","displayName":"\u0000","accountEnabled":true,"deviceEnrollmentLimit":5,"createdDateTime":"2024-01-02T03:04:05.1234567Z"}`,
		` { "id" : 1 , "businessPhones" : [ "a" , null , [ ] ] , "employeeOrgData" : { "costCenter" : { } , "x" : 0 } } `,
		`{"id":"1","assignedLicenses":[{"disabledPlans":["a",null],"skuId":"b"},null,{}],"assignedPlans":[{"assignedDateTime":""}]}`,
		`{"id":"1","manager":{"id":"2","\u0069d":"3"},"customSecurityAttributes":{"a":{"b":[1e400,-0]}},"id":"4"}`,
		`{"id":"1","accountEnabled":"true"}`, `{"id":"1","createdDateTime":"x"}`, `{"id":null}`, `[]`, `{"id":"1","manager":[{}]}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var out strings.Builder
		w, err := parquet.New(&out, columns, parquet.Options{Compression: parquet.None})
		if err != nil {
			t.Fatal(err)
		}
		err = w.User(raw)
		want, unfit := model(columns, raw)
		if (err == nil) != (unfit == nil) {
			t.Fatalf("%v, want %v", err, unfit)
		}
		if err != nil || !utf8.Valid(raw) || !json.Valid(raw) {
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := compareRow(want, read(t, []byte(out.String()))[0]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
