package property

import (
	"errors"
	"fmt"
	"strings"
)

// Column is a property that a list asks for.
type Column struct {
	// Name is the property's name as Graph spells it, or [Manager], which is asked
	// for as $expand=manager($select=id).
	Name string `json:"name"`
	// Optional says that the list goes on without the property where Graph
	// refuses it, and reports it as missing.
	Optional bool `json:"optional,omitempty"`
}

// String returns the column as it is written, with "?" when it is optional.
func (c Column) String() string {
	if c.Optional {
		return c.Name + "?"
	}
	return c.Name
}

const id = "id"

// defaultSelect is checked by a test and not at start-up, which has no time for it.
const defaultSelect = "id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName," +
	"employeeId,employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled"

// DefaultColumns are the columns of a list for which none are configured.
func DefaultColumns() Columns {
	names := strings.Split(defaultSelect, ",")
	columns := make(Columns, len(names))
	for i, name := range names {
		columns[i].Name = name
	}
	return columns
}

// Columns are the columns of a list, each once, with id among them.
type Columns []Column

// UnmarshalText reads a comma list, adds id where it is missing, and reports
// every column that is wrong.
func (c *Columns) UnmarshalText(text []byte) error {
	var problems []error
	seen := map[string]bool{}
	list := Columns{}
	for _, item := range strings.Split(strings.TrimRight(string(text), ", \t\r\n"), ",") {
		name, optional := strings.CutSuffix(strings.TrimSpace(item), "?")
		name = strings.TrimSpace(name)
		err := checkColumn(name, optional)
		if err == nil && seen[name] {
			err = fmt.Errorf("property %q is there twice; remove one", name)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		seen[name] = true
		list = append(list, Column{name, optional})
	}
	if !seen[id] {
		list = append(Columns{{Name: id}}, list...)
	}
	*c = list
	return errors.Join(problems...)
}

func checkColumn(name string, optional bool) error {
	switch {
	case name == Manager:
		return nil
	case strings.EqualFold(name, Manager):
		return fmt.Errorf("%q is spelled %q; names are case-sensitive", name, Manager)
	case name == id && optional:
		return errors.New(`"id?" is not possible, for every user has an id; write id`)
	}
	return Selectable(name)
}
