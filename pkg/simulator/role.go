package simulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/graphapi"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
)

// Roles lists the application permissions that the tenant knows.
func Roles() []Role { return graphapi.Roles() }

// ParseRoles reads changes to what an app is granted, in their order: NAME grants a role,
// -NAME withholds it, none withholds all. An app that nothing is said of has User.Read.All.
func ParseRoles(changes []string) ([]string, error) {
	roles := tenant.DefaultRoles()
	for _, change := range changes {
		if change == "none" {
			roles = []string{}
			continue
		}
		name, withheld := strings.CutPrefix(change, "-")
		if err := knownRole(name); err != nil {
			return nil, err
		}
		roles = slices.DeleteFunc(roles, func(role string) bool { return role == name })
		if !withheld {
			roles = append(roles, name)
		}
	}
	return roles, nil
}

func knownRole(name string) error {
	var names []string
	for _, role := range Roles() {
		switch {
		case role.Name == name:
			return nil
		case strings.EqualFold(role.Name, name):
			return fmt.Errorf("role %q is spelled %s", name, role.Name)
		}
		names = append(names, role.Name)
	}
	return fmt.Errorf("role %q is unknown: none, or one of %s; a - before it withholds it", name, strings.Join(names, ", "))
}
