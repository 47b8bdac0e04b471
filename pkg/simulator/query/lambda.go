package query

import (
	"encoding/json"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
)

// lambda is what the clauses inside any(x:...) are about: an item of a collection.
type lambda struct {
	variable string
	of       property.Property
}

// members are the members of the items of collections that can be compared, with
// their types.
func members(of string) map[string]string {
	switch of {
	case "identities":
		return map[string]string{"issuer": "Edm.String", "issuerAssignedId": "Edm.String", "signInType": "Edm.String"}
	case "assignedLicenses":
		return map[string]string{"skuId": "Edm.Guid"}
	case "assignedPlans":
		return map[string]string{
			"assignedDateTime": "Edm.DateTimeOffset", "capabilityStatus": "Edm.String", "service": "Edm.String", "servicePlanId": "Edm.Guid",
		}
	case "provisionedPlans":
		return map[string]string{"capabilityStatus": "Edm.String", "provisioningStatus": "Edm.String", "service": "Edm.String"}
	}
	return nil
}

// any reads property/any(x:...).
func (p *parser) any() *node {
	t := p.next()
	path, isAny := strings.CutSuffix(t.text, "/any")
	n := &node{op: "any"}
	p.check(n.name(token{tokenWord, path}))
	if p.lambda != nil || !isAny || n.path != "" || !strings.HasPrefix(n.property.Type, "Collection(") {
		p.check(unsupportedClause(n.property.Name))
	}
	p.expect('(', "'('")
	p.lambda = &lambda{p.variable(), n.property}
	inside := p.or()
	p.lambda = nil
	p.expect(')', "')'")
	if p.refusal != nil {
		return nil
	}
	if n.kids = []*node{inside}; n.property.Name == "identities" && !(inside.fixes("issuer") && inside.fixes("issuerAssignedId")) {
		// Documented: both are needed, and signInType is not supported.
		p.check(unsupportedClause("identities"))
	}
	return n
}

// variable reads the name of the variable and the colon behind it.
func (p *parser) variable() string {
	name, rest, ok := strings.Cut(p.next().text, ":")
	if !ok {
		if rest, ok = strings.CutPrefix(p.next().text, ":"); !ok {
			p.fail("':' expected.")
		}
	}
	if rest != "" && p.refusal == nil {
		p.tokens = append([]token{{tokenWord, rest}}, p.tokens...)
	}
	return name
}

// fixes says whether a filter of items requires a value of the member.
func (n *node) fixes(member string) bool {
	if n.op != "and" {
		return n.op == "eq" && n.path == member
	}
	fixed := false
	for _, kid := range n.kids {
		fixed = fixed || kid.fixes(member)
	}
	return fixed
}

// itemName takes the left side of a clause inside any: the variable, or a member of it.
func (n *node) itemName(t token, of *lambda) *grapherror.Error {
	variable, member, deeper := strings.Cut(t.text, "/")
	if t.kind != tokenWord || variable != of.variable {
		return grapherror.BadRequest("Could not find a property named '" + t.text + "' on an item of '" + of.of.Name + "'.")
	}
	n.property, n.path, n.item = of.of, member, true
	n.itemType = strings.TrimSuffix(strings.TrimPrefix(of.of.Type, "Collection("), ")")
	if deeper {
		if n.itemType = members(of.of.Name)[member]; n.itemType == "" {
			return grapherror.BadRequest("Could not find a property named '" + member + "' on type '" + of.of.Type + "'.")
		}
	}
	if n.path == "signInType" || !strings.HasPrefix(n.itemType, "Edm.") {
		return unsupportedClause(of.of.Name)
	}
	return nil
}

// matchAny says whether an item of the collection is accepted.
func (m *Matcher) matchAny(n *node) bool {
	m.raw = n.emit(m.user, m.raw[:0])
	var items []json.RawMessage
	if json.Unmarshal(m.raw, &items) != nil {
		return false
	}
	for _, m.item = range items {
		if m.match(n.kids[0]) {
			return true
		}
	}
	return false
}
