// Package imports brings many resources into the record at once (the SMART Bulk Data Import proposal, manifest approach), in the background, from files of
// newline-delimited JSON.
//
// It owns the import jobs, the spool of what was sent or fetched, how far each job is, and what is to be said of lines that were refused. What a line means, and
// whether it may be stored, is the gate's to say. It promises:
//
//   - Once an import was taken it goes on, whenever the process ends: what is to be imported lies whole on the disk by then. It goes on from a durable
//     position, and what is gone through again changes nothing (record.WriteEach), so that every resource is stored once and counted once.
//   - A line that is refused keeps no other back. Lines that refer, by what they search for, to what comes later wait for another pass, until a pass brings
//     nothing new.
//   - Nothing of a spool is readable on the disk, and when an import is complete or dropped what its key is wrapped in is overwritten.
//   - Nothing is fetched but from addresses that begin with one of those that the operator named, over HTTPS, and without following redirects.
//   - Jobs, files, lines, the spool and what is kept of refused lines are bounded.
//
// Imports: bulk/job, record, policy, internal/durable.
package imports
