package main

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
)

// webhook is a command of test scripts: an endpoint on loopback that repeats the token by
// which Graph validates addresses, unless there is a file deaf. It writes ca.pem, what to
// trust it by, and then url, and lasts until it is interrupted. All files are in the folder
// hook.
func webhook() {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat("hook/deaf"); err == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
	}))
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for _, file := range []struct {
		name string
		body []byte
	}{{"hook/ca.pem", authority}, {"hook/url", []byte(server.URL)}} {
		if err := os.WriteFile(file.name, file.body, 0o600); err != nil {
			panic(err)
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
}
