package graphapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// chunk is about how much of a body is sent at once.
const chunk = 32 << 10

// slowRate is the speed of the fault slow-body, in bytes a second.
const slowRate = 16 << 10

// page is one page of a list or of a delta query, chosen but not yet written.
type page struct {
	query *query.Query
	total int    // -1 without @odata.count
	link  string // the member that holds the page's link, as of nextLink, or empty
	size  int    // how many users it has, and how each is written
	write func(dst []byte, i int) []byte
}

// context is the start of a body: the @odata.context annotation.
func (c *call) context(collection string, q *query.Query, suffix string) string {
	selected := slices.Clone(q.Select)
	if q.Manager != nil {
		selected = append(selected, property.Manager+"("+strings.Join(q.Manager.Select, ",")+")")
	}
	context := `{"@odata.context":"` + c.Base() + `/v1.0/$metadata#` + collection
	if len(selected) > 0 {
		context += "(" + strings.Join(selected, ",") + ")"
	}
	return context + suffix + `"`
}

// send writes a page as Graph does: context, count and link first and at once,
// then the users as they come.
func (c *call) send(p *page) {
	if c.faults.Has("slow-body") {
		c.Rate = slowRate * c.config.Speedup
	}
	early, late := p.link, ""
	if c.config.LinkAfterValue || c.faults.Has("link-after-value") {
		early, late = "", early
	}
	head := c.context("users", p.query, "")
	if p.query.Select == nil && c.kind == fault.List {
		head += `,"@microsoft.graph.tips":"This request only returns a subset of the resource's properties. Your app will need to use $select to return non-default properties. To find out what other properties are available for this resource see https://learn.microsoft.com/graph/api/resources/user"`
	}
	count := ""
	if p.total >= 0 {
		count = strconv.Itoa(p.total)
	}
	head += c.countMember(count) + early + `,"value":`
	if c.faults.Has("two-values") {
		late += `,"value":[]`
	}
	c.json()
	if wrong := c.wrongValue(); wrong != "" {
		c.Write([]byte(head + wrong + late + "}"))
		return
	}
	if c.Write([]byte(head+"[")) && c.sendUsers(p, make([]byte, 0, chunk+chunk/4)) {
		c.Write([]byte("]" + late + "}"))
	}
}

// sendUsers writes the users of a page, and is false when the body has ended
// early.
func (c *call) sendUsers(p *page, b []byte) bool {
	half := p.size / 2
	breaking := c.faults.Breaking()
	for i := range p.size {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		b = p.write(b, i)
		if i == half {
			switch {
			case breaking:
				partial := slices.Clone(b[start:])
				if c.Write(b[:start]) {
					c.breakBody(partial)
				}
				return false
			case c.wrongUser() != "":
				b = append(b[:start], c.wrongUser()...)
			}
		}
		if len(b) >= chunk {
			if !c.Write(b) {
				return false
			}
			b = b[:0]
		}
	}
	if breaking && p.size == 0 {
		c.breakBody([]byte(" "))
		return false
	}
	return c.Write(b)
}
