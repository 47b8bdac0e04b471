package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// A tenant behind an http.Client, without a socket. Its third page is
// unavailable once.
func ExampleTenant_Transport() {
	fault, err := simulator.ParseFault("503:3")
	if err != nil {
		fmt.Println(err)
		return
	}
	tenant := simulator.New(simulator.Config{Users: 1000, Faults: []simulator.Fault{fault}})
	client := &http.Client{Transport: tenant.Transport()}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		"https://login.microsoftonline.com/"+simulator.DefaultDomain+"/oauth2/v2.0/token", strings.NewReader(grant().Encode()))
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	fmt.Println(response.Status, tenant.Users(), "users, the first of them", tenant.UserPrincipalName(0))
	// Output: 200 OK 1000 users, the first of them olivia.smith@contoso.example
}
