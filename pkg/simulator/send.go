package simulator

import (
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// chunk is about how much of a body is sent at once.
const chunk = 32 << 10

// slowRate is the speed of the fault slow-body.
const slowRate = 16 << 10

// context is the annotation that says what the body holds.
func (x *exchange) context(selected []string, manager bool, suffix string) []byte {
	b := append([]byte(`{"@odata.context":"`), x.base()...)
	b = append(b, `/v1.0/$metadata#users`...)
	if manager {
		selected = append(append([]string(nil), selected...), property.Manager+"(id)")
	}
	if len(selected) > 0 {
		b = append(append(append(b, '('), strings.Join(selected, ",")...), ')')
	}
	return append(append(b, suffix...), '"')
}

// send writes a page as Graph does: context, count and link first and at once,
// then the users as they come.
func (x *exchange) send(p *page) {
	t := x.tenant
	if x.faults.has("slow-body") {
		x.rate = slowRate
	}
	late := t.config.LinkAfterValue || x.faults.has("link-after-value")
	b := x.context(p.query.selected, p.query.manager, "")
	if p.query.selected == nil {
		b = append(b, `,"@microsoft.graph.tips":"This request only returns a subset of the resource's properties. Your app will need to use $select to return non-default properties. To find out what other properties are available for this resource see https://learn.microsoft.com/graph/api/resources/user"`...)
	}
	if p.total >= 0 {
		b = append(append(b, `,"@odata.count":`...), itoa(p.total)...)
	}
	if p.link != "" && !late {
		b = append(append(append(b, `,"@odata.nextLink":"`...), p.link...), '"')
	}
	b = append(b, `,"value":[`...)
	x.json()
	if !x.write(b) || !x.sendUsers(p, make([]byte, 0, chunk+chunk/4)) {
		return
	}
	b = append(b[:0], ']')
	if p.link != "" && late {
		b = append(append(append(b, `,"@odata.nextLink":"`...), p.link...), '"')
	}
	x.write(append(b, '}'))
}

// sendUsers writes the users of a page, and is false when the body is at its end
// before its time.
func (x *exchange) sendUsers(p *page, b []byte) bool {
	half := len(p.indices) / 2
	breaking := x.faults.breaking()
	var u person
	for i, index := range p.indices {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		u = x.tenant.people.person(index)
		b = appendUser(b, &u, p.query.columns)
		if i == half {
			switch {
			case breaking:
				partial := append([]byte(nil), b[start:]...)
				if x.write(b[:start]) {
					x.breaks(partial)
				}
				return false
			case x.faults.has("malformed-json"):
				b = append(b[:start], `{"id":"9d0c},,`...)
			case x.faults.has("no-id"):
				b = append(b[:start], `{"displayName":"Nobody"}`...)
			}
		}
		if len(b) >= chunk {
			if !x.write(b) {
				return false
			}
			b = b[:0]
		}
	}
	if breaking && len(p.indices) == 0 {
		x.breaks([]byte(" "))
		return false
	}
	return x.write(b)
}
