package node

import (
	"net/http"
	"net/http/pprof"
)

// profiles lets the operator see where a node spends time and memory: go tool pprof reads it through the socket (docs/operations.md).
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		pprof.Handler(r.PathValue("name")).ServeHTTP(w, r)
	})
}
