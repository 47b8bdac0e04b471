package iam

import (
	"strings"
	"testing"
)

func TestARoleMayDoWhatItsPolicySays(t *testing.T) {
	by := func(operator, key string, values ...string) map[string]map[string]Texts {
		return map[string]map[string]Texts{operator: {key: values}}
	}
	allow := func(condition map[string]map[string]Texts) Statement {
		return Statement{Effect: "Allow", Action: Texts{"s3:GetObject", "s3:Put*"}, Resource: Texts{"<Bucket>/a=*/b/*"}, Condition: condition}
	}
	get := func(resource string, context map[string][]string) Call {
		return Call{"s3:GetObject", resource, context}
	}
	const in = "arn:bucket/a=1/b/c"
	for name, c := range map[string]struct {
		statements []Statement
		call       Call
		may        bool
	}{
		"the action and the resource":         {[]Statement{allow(nil)}, get(in, nil), true},
		"an action by its beginning":          {[]Statement{allow(nil)}, Call{"s3:PutObject", in, nil}, true},
		"another action":                      {[]Statement{allow(nil)}, Call{"s3:DeleteObject", in, nil}, false},
		"another resource":                    {[]Statement{allow(nil)}, get("arn:bucket/a=1/c", nil), false},
		"what begins otherwise":               {[]Statement{allow(nil)}, get("x"+in, nil), false},
		"no statement":                        {nil, get(in, nil), false},
		"a denial":                            {[]Statement{allow(nil), {Effect: "Deny", Action: Texts{"s3:*"}, Resource: Texts{"*"}}}, get(in, nil), false},
		"a denial of something else":          {[]Statement{allow(nil), {Effect: "Deny", Action: Texts{"ec2:*"}, Resource: Texts{"*"}}}, get(in, nil), true},
		"a condition that holds":              {[]Statement{allow(by("StringEquals", "k", "v", "w"))}, get(in, map[string][]string{"k": {"w"}}), true},
		"a condition that does not":           {[]Statement{allow(by("StringEquals", "k", "v"))}, get(in, map[string][]string{"k": {"V"}}), false},
		"a condition without a value":         {[]Statement{allow(by("StringEquals", "k", "v"))}, get(in, nil), false},
		"a negated one without a value":       {[]Statement{allow(by("ArnNotEquals", "k", "v"))}, get(in, nil), true},
		"a negated one with a value":          {[]Statement{allow(by("ArnNotLike", "k", "v*"))}, get(in, map[string][]string{"k": {"vw"}}), false},
		"all values":                          {[]Statement{allow(by("ForAllValues:StringEquals", "k", "v", "w"))}, get(in, map[string][]string{"k": {"v", "w"}}), true},
		"not all values":                      {[]Statement{allow(by("ForAllValues:StringEquals", "k", "v"))}, get(in, map[string][]string{"k": {"v", "w"}}), false},
		"all of no values":                    {[]Statement{allow(by("ForAllValues:StringEquals", "k", "v"))}, get(in, nil), true},
		"no value where there has to be one":  {[]Statement{allow(by("Null", "k", "false"))}, get(in, nil), false},
		"a value where there has to be one":   {[]Statement{allow(by("Null", "k", "false"))}, get(in, map[string][]string{"k": {"v"}}), true},
		"a number that is small enough":       {[]Statement{allow(by("NumericLessThanEquals", "k", "300"))}, get(in, map[string][]string{"k": {"300"}}), true},
		"a number that is not":                {[]Statement{allow(by("NumericLessThanEquals", "k", "300"))}, get(in, map[string][]string{"k": {"3600"}}), false},
		"a condition that the names are in":   {[]Statement{allow(by("ArnLike", "k", "<Bucket>*"))}, get(in, map[string][]string{"k": {"arn:bucket"}}), true},
		"a truth that is asked for and found": {[]Statement{allow(by("Bool", "k", "true"))}, get(in, map[string][]string{"k": {"true"}}), true},
	} {
		by, err := NewRole("R", "arn", c.statements, strings.NewReplacer("<Bucket>", "arn:bucket")).decide(c.call)
		if err != nil || (by != "") != c.may {
			t.Errorf("%s: by %q, %v", name, by, err)
		}
	}
}

func TestWhatThisPackageDoesNotKnowIsAnError(t *testing.T) {
	for _, s := range []Statement{
		{Effect: "Allow", Action: Texts{"*"}, Resource: Texts{"*"}, Condition: map[string]map[string]Texts{"DateLessThan": {"k": {"v"}}}},
		{Effect: "Allow", NotAction: Texts{"s3:*"}, Resource: Texts{"*"}},
	} {
		if _, err := s.concerns(Call{"s3:GetObject", "r", nil}); err == nil {
			t.Errorf("%+v concerns or does not", s)
		}
	}
}

func TestARoleLacksWhatWasTakenAway(t *testing.T) {
	r := NewRole("R", "arn", []Statement{{Effect: "Allow", Action: Texts{"a:B", "a:C"}, Resource: Texts{"x", "y"}}}, strings.NewReplacer())
	g := &Gate{}
	g.Admit("key", r)
	g.TakeAway(r, "a:B y")
	for call, want := range map[pair]bool{{"a:B", "x"}: true, {"a:B", "y"}: false, {"a:C", "y"}: true} {
		if may, _ := g.decide(r, Call{call.action, call.resource, nil}); may != want {
			t.Errorf("it may %+v: %t", call, may)
		}
	}
}

// pair is a call that can be compared.
type pair struct{ action, resource string }
