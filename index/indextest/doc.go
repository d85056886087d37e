// Package indextest holds an index to what package term says is right: whatever keeps its rows, each search finds what a search by brute force finds.
// It is for tests.
//
// Imports: index, index/term, journal.
package indextest
