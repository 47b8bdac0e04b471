// Command peers reads a tenant with Microsoft's own SDK for Go, for make bench;
// its test shows that the simulated tenant is one that the SDK understands. It is
// the only package here that links msgraph-sdk-go, which takes minutes and
// several GB of memory to compile.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
)

func main() {
	if err := client.Report(context.Background(), sdk, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}
