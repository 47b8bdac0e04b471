package odata_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/odata"
)

func TestAFilterIsWrittenBackInItsCanonicalSpelling(t *testing.T) {
	for given, want := range map[string]string{
		"accountEnabled eq true":                                                  "accountEnabled eq true",
		"  displayName   EQ   'O''Brien' ":                                        "displayName eq 'O''Brien'",
		"a eq 1 or b eq 2 and c eq 3":                                             "(a eq 1) or ((b eq 2) and (c eq 3))",
		"(a eq 1 or b eq 2) and c eq 3":                                           "((a eq 1) or (b eq 2)) and (c eq 3)",
		"NOT(startswith(displayName,'A'))":                                        "not (startsWith(displayName,'A'))",
		"not a eq null":                                                           "not (a eq null)",
		"startswith(mail, 'x') eq false":                                          "not (startsWith(mail,'x'))",
		"endsWith(mail,'@contoso.com') eq true":                                   "endsWith(mail,'@contoso.com')",
		"department in ('Sales', 'IT')":                                           "department in ('Sales','IT')",
		"createdDateTime ge 2024-01-02T03:04:05Z":                                 "createdDateTime ge 2024-01-02T03:04:05Z",
		"createdDateTime ge 2024-01-02T03:04:05+01:00":                            "createdDateTime ge 2024-01-02T03:04:05+01:00",
		"id eq '6e7b768e-07e2-4810-8459-485f84f8f204'":                            "id eq '6e7b768e-07e2-4810-8459-485f84f8f204'",
		"assignedLicenses/any(l:l/skuId eq cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46)": "assignedLicenses/any(x0:x0/skuId eq cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46)",
		"proxyAddresses/any(p:startswith(p,'smtp:') and p ne 'x')":                "proxyAddresses/any(x0:(startsWith(x0,'smtp:')) and (x0 ne 'x'))",
		"otherMails/any(passwordProfile:passwordProfile eq 'x')":                  "otherMails/any(x0:x0 eq 'x')",
		"a/any(x:x/b/any(x:x eq 1))":                                              "a/any(x0:x0/b/any(x1:x1 eq 1))",
		"assignedLicenses/$count eq 0":                                            "assignedLicenses/$count eq 0",
		"otherMails/any()":                                                        "otherMails/any()",
		"employeeOrgData/division eq 'x'":                                         "employeeOrgData/division eq 'x'",
		"a eq -1.5":                                                               "a eq -1.5",
	} {
		f, err := odata.ParseFilter(given)
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got := f.String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", given, got, want)
		}
		if reread, err := odata.ParseFilter(f.String()); err != nil || reread.String() != want {
			t.Errorf("%s does not read back: %v", f, err)
		}
	}
}

func TestAFilterThatCannotBeParsedIsRefused(t *testing.T) {
	for _, given := range []string{
		"", " ", "a", "a eq", "eq 1", "a eq b", "a eq 'x", "a eq 'x'' ", "a like 'x'", "a eq 1)", "(a eq 1", "a eq 1 b eq 2",
		"a eq 1) or (b eq 2", "a eq 1 or", "or a eq 1", "a eq 1;b eq 2", "a eq 1 & b eq 2", "a eq \"x\"", "a eq 'x\ny'", "a eq '\x00'", "a eq '\xff'",
		"tolower(a) eq 'x'", "startswith(a) eq true", "startswith('x',a)", "startswith(a,b)", "startswith(a,'x') eq 1", "startswith(a,'x') ne true",
		"a in ()", "a in ('x'", "a in 'x'", "a in ('x' 'y')", "microsoft.graph.user/a eq 1", "$count eq 1", "/a eq 1", "a//b eq 1", "a/ eq 1",
		"any(x:x eq 1)", "a/any(x)", "a/any(x:)", "a/any(:x eq 1)", "a/all()", "a/any(x:x eq 1", "not", "not not", "a eq $it", "a eq @p", "a\teq 1",
		strings.Repeat("(", 60) + "a eq 1" + strings.Repeat(")", 60), strings.Repeat("not ", 60) + "a eq 1", "a eq '" + strings.Repeat("x", 3000) + "'",
	} {
		f, err := odata.ParseFilter(given)
		var refused *odata.Error
		if !errors.As(err, &refused) {
			t.Errorf("%.80q was parsed as %v (%v)", given, f, err)
		} else if refused.Option != "$filter" || len(err.Error()) > 300 {
			t.Errorf("%.80q: %v", given, err)
		}
	}
}

func TestEveryPropertyThatAFilterNamesIsReported(t *testing.T) {
	f, err := odata.ParseFilter("a eq 1 and (not b eq 2 or c in (3)) and startswith(d,'x') and e/any(v:v/f eq 1 and g eq 2) and h/$count eq 0 and e/all(w:w eq 1)")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "c", "d", "e", "g", "h", "e"}
	if got := f.Properties(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	f.Rename(strings.ToUpper)
	if !strings.Contains(f.String(), "E/any(x0:(x0/f eq 1) and (G eq 2))") {
		t.Errorf("renamed: %s", f)
	}
}

func TestAVariableIsKnownOnlyInsideItsLambda(t *testing.T) {
	for given, want := range map[string][]string{
		"a/any(mail:mail eq 'x') and mail eq 'y'":                 {"a", "mail"},
		"mail eq 'y' or a/any(mail:mail eq 'x')":                  {"mail", "a"},
		"a/any(mail:mail eq 'x') or b/any(v:v eq mail/x)":         nil,
		"a/any(mail:mail eq 'x') or b/any(v:mail eq 'x')":         {"a", "b", "mail"},
		"a/any(x:x/b/any(mail:mail eq 1) and mail eq 2)":          {"a", "mail"},
		"a/any(x:x/b/any(y:y eq 1) and x eq 2) and x0 eq 3":       {"a", "x0"},
		"a/any(x:x eq 1 and x0 eq 2)":                             {"a", "x0"},
		"not (a/all(mail:startsWith(mail,'x'))) and mail in ('')": {"a", "mail"},
	} {
		f, err := odata.ParseFilter(given)
		if want == nil {
			if err == nil {
				t.Errorf("%s was parsed as %s", given, f)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", given, err)
		} else if got := f.Properties(); !slices.Equal(got, want) {
			t.Errorf("%s names %v, want %v", given, got, want)
		}
	}
}

func TestCountIsTheOnlyPathSegmentWithADollar(t *testing.T) {
	for _, given := range []string{"a/$ref eq 1", "a/$value eq 'x'", "a/$it eq 1", "a/$filter eq 1", "a/$COUNT eq 1", "a/$counts eq 1", "$it eq 1"} {
		if f, err := odata.ParseFilter(given); err == nil {
			t.Errorf("%s was parsed as %s", given, f)
		}
	}
}

func TestAWordThatIsNotALiteralIsRefused(t *testing.T) {
	for _, word := range []string{
		"e", "E", "T", "z", "tZ", "-", "--1", "-e", "a-b-c-d-e", "-----", ".5", "x0", "mail", "truE-", "null.", "duration'P1D'",
		"6e7b768e-07e2-4810-8459-485f84f8f20", "6e7b768e-07e2-4810-8459-485f84f8f204a", "ge7b768e-07e2-4810-8459-485f84f8f204",
	} {
		for _, given := range []string{"a eq " + word, "a in (1," + word + ")", "a/any(v:v eq " + word + ")"} {
			if f, err := odata.ParseFilter(given); err == nil {
				t.Errorf("%s was parsed as %s", given, f)
			}
		}
	}
}

func TestTheDepthOfAFilterIsLimitedAndNotItsNumberOfTerms(t *testing.T) {
	const depth = 24
	long := strings.Repeat("(a eq 1) or not b eq 2 and ", 60) + "c eq 3"
	if _, err := odata.ParseFilter(long); err != nil {
		t.Errorf("a long, flat filter: %v", err)
	}
	nested := func(n int) string { return strings.Repeat("(", n) + "a eq 1" + strings.Repeat(")", n) }
	if _, err := odata.ParseFilter(nested(depth - 1)); err != nil {
		t.Errorf("%d parentheses: %v", depth-1, err)
	}
	if _, err := odata.ParseFilter(nested(depth)); err == nil {
		t.Errorf("%d parentheses were parsed", depth)
	}
}

func TestAndKeepsBothFiltersWhole(t *testing.T) {
	parse := func(s string) *odata.Filter {
		f, err := odata.ParseFilter(s)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	got := odata.And(parse("accountEnabled eq true or a eq 1"), parse("b eq 2 or c eq 3")).String()
	if want := "((accountEnabled eq true) or (a eq 1)) and ((b eq 2) or (c eq 3))"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if odata.And(nil, nil) != nil || odata.And(parse("a eq 1"), nil).String() != "a eq 1" || odata.And(nil, parse("a eq 1")).String() != "a eq 1" {
		t.Error("a filter that is not there changes the other")
	}
}

func TestEqualEscapesItsText(t *testing.T) {
	f := odata.Equal("userPrincipalName", "o'brien' or a eq 'x@contoso.example")
	const want = "userPrincipalName eq 'o''brien'' or a eq ''x@contoso.example'"
	reread, err := odata.ParseFilter(f.String())
	if err != nil || f.String() != want || reread.String() != want || len(reread.Properties()) != 1 {
		t.Errorf("%s, read back as %v, %v", f, reread, err)
	}
}

func FuzzAFilterIsReadBackAsItself(f *testing.F) {
	for _, seed := range []string{"a eq 1 or b eq 'x''y' and not c in (1,2)", "a/any(x:x/b eq 1)", "startswith(a,'x') eq false", "(a eq null)", "a/$count ne 0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		filter, err := odata.ParseFilter(given)
		if err != nil {
			return
		}
		names := filter.Properties()
		reread, err := odata.ParseFilter(filter.String())
		if err != nil {
			if strings.Contains(err.Error(), "longer") || strings.Contains(err.Error(), "deeply") {
				return // the parentheses that were added
			}
			t.Fatalf("%q was written as %q: %v", given, filter, err)
		}
		if reread.String() != filter.String() || !slices.Equal(names, reread.Properties()) {
			t.Errorf("%q: %q became %q", given, filter, reread)
		}
	})
}
