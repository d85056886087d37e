// Package job does in the background what somebody asked for and comes back for: exports, imports, and requests that are answered later (FHIR R4,
// 3.1.6; Bulk Data Access 2.0.0).
//
// It owns who may see a job, how many there are, in which order they are done, and when they are forgotten; what a job does is its Work. It promises:
//
//   - A job is there for the access that asked for it alone: the same actor, organisation and chart. To all others there is none.
//   - Jobs are bounded in number, over all and of one actor, and in age once they are done.
//   - A job that was dropped is cancelled, and what it keeps is removed when it has stopped.
//
// Files keeps what jobs make, sealed: under a key that ends with the process, or under one that lasts.
//
// Imports: record, vault (for sealed streams), internal/durable.
package job
