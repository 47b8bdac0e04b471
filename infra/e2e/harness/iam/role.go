package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
)

// Statements collects what each role of a stack may do, separate policies included, by the
// role's name in the template.
func Statements(s *cloudformation.Stack) (map[string][]Statement, error) {
	all := map[string][]Statement{}
	for _, name := range s.Of("AWS::IAM::Role") {
		var role struct {
			Policies []struct{ PolicyDocument Document }
		}
		if err := read(s, name, &role); err != nil {
			return nil, err
		}
		for _, policy := range role.Policies {
			all[name] = append(all[name], policy.PolicyDocument.Statement...)
		}
	}
	for _, name := range s.Of("AWS::IAM::Policy") {
		var policy struct {
			Roles          []string
			PolicyDocument Document
		}
		if err := read(s, name, &policy); err != nil {
			return nil, err
		}
		for _, role := range policy.Roles {
			role = strings.Trim(role, "<>")
			all[role] = append(all[role], policy.PolicyDocument.Statement...)
		}
	}
	return all, nil
}

// read reads the properties of a resource.
func read(s *cloudformation.Stack, name string, properties any) error {
	text, err := json.Marshal(s.Resources[name].Properties)
	if err == nil {
		err = json.Unmarshal(text, properties)
	}
	if err != nil {
		return fmt.Errorf("the properties of %s: %w", name, err)
	}
	return nil
}

// Role is a role with the policies of the template.
type Role struct {
	// Name is its name in the template, ARN its ARN in the account.
	Name, ARN string

	allowed, denied []grant
	without         string // the grant that is taken away
}

// grant is the smallest part of a policy: one action on one resource.
type grant struct {
	key       string // as the template has it
	statement Statement
}

// NewRole makes a role of its statements in the template; names puts the account's names in.
func NewRole(name, arn string, statements []Statement, names *strings.Replacer) *Role {
	r := &Role{Name: name, ARN: arn}
	for _, s := range statements {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				g := grant{action + " " + resource, Statement{Effect: s.Effect, Action: Texts{action}, Resource: Texts{names.Replace(resource)}, Condition: named(s.Condition, names)}}
				if s.Effect == "Deny" {
					r.denied = append(r.denied, g)
				} else {
					r.allowed = append(r.allowed, g)
				}
			}
		}
	}
	return r
}

func named(conditions map[string]map[string]Texts, names *strings.Replacer) map[string]map[string]Texts {
	all := map[string]map[string]Texts{}
	for operator, keys := range conditions {
		all[operator] = map[string]Texts{}
		for key, values := range keys {
			for _, value := range values {
				all[operator][key] = append(all[operator][key], names.Replace(value))
			}
		}
	}
	return all
}

// Grants are what the role may do, each as the template has it: s3:GetObject <Bucket.Arn>/*.
func (r *Role) Grants() []string {
	var keys []string
	for _, g := range r.allowed {
		keys = append(keys, g.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// policy is the role's policy but for the grant that was taken away, as IAM takes it.
func (r *Role) policy() (string, error) {
	d := Document{Version: "2012-10-17", Statement: []Statement{}}
	for _, g := range slices.Concat(r.denied, r.allowed) {
		if g.key != r.without {
			d.Statement = append(d.Statement, g.statement)
		}
	}
	text, err := json.Marshal(d)
	return string(text), err
}

// decide returns by which grant the role may do something, "" if it may not.
func (r *Role) decide(c Call) (by string, err error) {
	for _, g := range r.denied {
		if denies, err := g.statement.concerns(c); err != nil || denies {
			return "", err
		}
	}
	for _, g := range r.allowed {
		if g.key == r.without {
			continue
		}
		if allows, err := g.statement.concerns(c); err != nil || allows {
			return g.key, err
		}
	}
	return "", nil
}

// Denials are the statements of a policy of a resource of the stack, which has to deny only;
// none if there is no such policy.
func Denials(s *cloudformation.Stack, name string, names *strings.Replacer) ([]Statement, error) {
	if _, made := s.Resources[name]; !made {
		return nil, nil
	}
	var policy struct {
		PolicyDocument Document
		Statement      Statement
	}
	if err := read(s, name, &policy); err != nil {
		return nil, err
	}
	all := policy.PolicyDocument.Statement
	if policy.Statement.Effect != "" {
		all = append(all, policy.Statement)
	}
	for i := range all {
		if all[i].Effect != "Deny" {
			return nil, fmt.Errorf("%s: a statement does not deny: %+v", name, all[i])
		}
		all[i].Condition = named(all[i].Condition, names)
		for j, resource := range all[i].Resource {
			all[i].Resource[j] = names.Replace(resource)
		}
	}
	return all, nil
}
