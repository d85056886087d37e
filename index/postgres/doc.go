// Package postgres keeps an index in a PostgreSQL database that somebody else may run.
//
// It owns one table of keys and values in the schema that the URL's search_path names first, and its form: values are sealed with AES-256-GCM and bound
// to their keys, names in keys are hashed (see index.On), but for the lists of documents, which are numbers under marks. Who reads the database learns
// how many resources there are of how many types, how often values recur without knowing which, and when something was written. A batch is one
// transaction, on the server's disk when it is acknowledged. A server that cannot be reached for some seconds is index.ErrAway. One that went back
// behind what it acknowledged, as an asynchronous replica may, is found out before anything is numbered by what it says: nothing is written then until the node
// is started anew, which follows the journal from where the server is.
//
// Imports: index, index/rows, pgx.
package postgres
