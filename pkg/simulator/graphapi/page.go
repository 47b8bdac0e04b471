package graphapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// chunk is about how much of a body is sent at once.
const chunk = 32 << 10

// slowRate is the speed of the fault slow-body, in bytes a second.
const slowRate = 16 << 10

// context is the start of a body: the @odata.context annotation.
func (c *call) context(q *query.Query, suffix string) string {
	selected := slices.Clone(q.Select)
	if q.Manager {
		selected = append(selected, property.Manager+"(id)")
	}
	context := `{"@odata.context":"` + c.Base() + `/v1.0/$metadata#users`
	if len(selected) > 0 {
		context += "(" + strings.Join(selected, ",") + ")"
	}
	return context + suffix + `"`
}

// send writes a page as Graph does: context, count and link first and at once,
// then the users as they come.
func (c *call) send(p *page) {
	if c.faults.Has("slow-body") {
		c.Rate = slowRate
	}
	early, late := "", ""
	if p.link != "" {
		early = `,"@odata.nextLink":"` + p.link + `"`
	}
	if c.config.LinkAfterValue || c.faults.Has("link-after-value") {
		early, late = "", early
	}
	head := c.context(p.query, "")
	if p.query.Select == nil {
		head += `,"@microsoft.graph.tips":"This request only returns a subset of the resource's properties. Your app will need to use $select to return non-default properties. To find out what other properties are available for this resource see https://learn.microsoft.com/graph/api/resources/user"`
	}
	if p.total >= 0 {
		head += `,"@odata.count":` + strconv.Itoa(p.total)
	}
	c.json()
	if !c.Write([]byte(head+early+`,"value":[`)) || !c.sendUsers(p, make([]byte, 0, chunk+chunk/4)) {
		return
	}
	c.Write([]byte("]" + late + "}"))
}

// sendUsers writes the users of a page, and is false when the body has ended
// early.
func (c *call) sendUsers(p *page, b []byte) bool {
	half := len(p.indices) / 2
	breaking := c.faults.Breaking()
	var u people.Person // outside of the loop, because it escapes
	for i, index := range p.indices {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		u = c.directory.People.Person(index)
		b = u.Append(b, p.query.Columns)
		if i == half {
			switch {
			case breaking:
				partial := slices.Clone(b[start:])
				if c.Write(b[:start]) {
					c.breakBody(partial)
				}
				return false
			case c.faults.Has("malformed-json"):
				b = append(b[:start], `{"id":"9d0c},,`...)
			case c.faults.Has("no-id"):
				b = append(b[:start], `{"displayName":"Nobody"}`...)
			}
		}
		if len(b) >= chunk {
			if !c.Write(b) {
				return false
			}
			b = b[:0]
		}
	}
	if breaking && len(p.indices) == 0 {
		c.breakBody([]byte(" "))
		return false
	}
	return c.Write(b)
}
