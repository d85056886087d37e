package fhir

import (
	"net/http"
	"slices"
	"strings"
)

// What a browser's program may send and read where the node's operator allows its origin (Fetch standard, 3.2).
var (
	corsMethods = strings.Join([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, ", ")
	corsHeaders = strings.Join([]string{"Accept", "Authorization", "Content-Encoding", "Content-Type", "If-Match", "If-Modified-Since", "If-None-Exist",
		"If-None-Match", "Prefer", "X-Security-Context"}, ", ")
	corsExposed = strings.Join([]string{"Content-Location", "ETag", "Last-Modified", "Location", "Retry-After", "Sijil-Ack", "X-Progress", "X-Request-Id"}, ", ")
)

// cors sets what tells a browser that an origin's programs may use the gate, where Config.Origins names it, and answers its question beforehand; done
// says that it did. The question carries no token and is told nothing of anybody: it leaves no entry.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) (done bool) {
	if len(s.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.Origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsExposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
