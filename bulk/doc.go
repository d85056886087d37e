// Package bulk takes many resources out of the record at once (FHIR Bulk Data Access 2.0.0), in the background, as files that the recipient
// can prove.
//
// It owns the export jobs and the directory of their files. It promises:
//
//   - Nothing is given that the record has not released to who asked: an entry in each chart names what was taken, before a file can be fetched.
//   - The files are sealed under a key that is in memory alone: once the process has ended, or the job is dropped, nothing on the disk opens them. No
//     export outlives a restart.
//   - Beside each file of resources stands one with their receipts (verify.BatchReceipt). A list names every file with its hash, and an entry on the ledger
//     names the hash of the list: whoever has all this knows, offline, that nothing was altered, added or left out since the export was made.
//   - Jobs are bounded in number, in age and in the bytes that they may take.
//
// Imports: bulk/job, record, verify.
package bulk
