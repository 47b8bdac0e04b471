package people

import "encoding/json"

// Details are what is different about a user from what the index makes of it. They
// are never modified; nil is a user without differences.
type Details struct {
	userPrincipalName string // or empty
	displayName       string // as the inside of a JSON string
	department        string // as JSON, or empty
	manager           *int   // the manager's index, below 0 for none
}

// Renamed says whether the user has names other than those it was made with.
func (d *Details) Renamed() bool { return d != nil && d.userPrincipalName != "" }

// WithNames returns the details with other names. The userPrincipalName consists of
// characters that JSON does not escape.
func (d *Details) WithNames(userPrincipalName, displayName string) *Details {
	changed := d.clone()
	changed.userPrincipalName = userPrincipalName
	quoted := quote(displayName)
	changed.displayName = quoted[1 : len(quoted)-1]
	return changed
}

// WithDepartment returns the details with another department; an empty one is null.
func (d *Details) WithDepartment(department string) *Details {
	changed := d.clone()
	if changed.department = "null"; department != "" {
		changed.department = quote(department)
	}
	return changed
}

// WithManager returns the details with another manager, by index; below 0 is none.
func (d *Details) WithManager(index int) *Details {
	changed := d.clone()
	changed.manager = &index
	return changed
}

// ManagerIndex is the index of the user's manager.
func (u *Person) ManagerIndex() (int, bool) {
	if u.details != nil && u.details.manager != nil {
		return *u.details.manager, *u.details.manager >= 0
	}
	return u.Manager(u.index)
}

func (d *Details) clone() *Details {
	if d == nil {
		return &Details{}
	}
	changed := *d
	return &changed
}

func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(text)
}

// hasSet says whether the property has been set, be it to null.
func (d *Details) hasSet(name string) bool {
	return d != nil && name == "department" && d.department != ""
}

// Index is the user's number.
func (u *Person) Index() int { return u.index }

// AppendChange writes the user as an entry of a delta query, which leaves out the
// properties that were never set.
func (u *Person) AppendChange(dst []byte, columns []Column) []byte {
	start := len(dst)
	if u.agent() {
		dst = append(dst, agentType...)
	}
	dst = append(u.ID(u.index).AppendTo(append(dst, `,"id":"`...)), '"')
	dst[start] = '{'
	for i := range columns {
		if columns[i].Name == "id" {
			continue
		}
		before := len(dst)
		dst = append(dst, columns[i].label...)
		dst = columns[i].emit(u, dst)
		if string(dst[before+len(columns[i].label):]) == "null" && !u.details.hasSet(columns[i].Name) {
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}
