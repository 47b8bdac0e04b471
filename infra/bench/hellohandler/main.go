// Command hellohandler is the smallest useful custom handler of Azure Functions in Go: the
// yardstick for the start and size of the real one.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "hello, world") })
	if err := http.ListenAndServe("127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), nil); err != nil { //nolint:gosec // it is measured, and nobody else asks it
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
