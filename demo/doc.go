// Package demo runs four organisations on one machine: a teaching hospital, a rural clinic, a laboratory and a university. Each is a
// process of its own with its own keys and data, exactly as it would run elsewhere. It loads sample patients through the FHIR gate
// and leads through what Sijil does; Check walks the same way and says whether all of it holds.
//
// It owns nothing of a node: it starts `sijil serve` and speaks to the nodes as any client does. Imports: node (to set up the four and to
// ask their status), verify, durable, lang, demo/patients.
package demo
