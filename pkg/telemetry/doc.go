// Package telemetry makes the logger and the metrics of both binaries. A
// component updates plain counters and gauges; what they are called and how
// they are derived when scraped is decided here. A test holds the list below
// against the registry.
//
// Of both binaries, beside the Go runtime's and the process's own:
//
//	firn_build_info{version,revision,go_version}
//
// Of the reader:
//
//	firn_reader_rows_total{table,op}
//	firn_reader_bytes_total
//	firn_reader_transactions_total
//	firn_reader_schema_changes_total{table}
//	firn_reader_reconnects_total
//	firn_reader_lag_seconds
//	firn_reader_checkpoint_age_seconds
//	firn_reader_unacked_records
//	firn_reader_snapshot_chunks_total{table}
//	firn_reader_snapshot_rows_total{table}
//	firn_reader_needs_snapshot{table}
//	firn_reader_commit_duration_seconds
//
// And Debezium's, as the JMX exporter's usual rules name them, all with the
// labels plugin, name and context, in the context streaming:
//
//	debezium_metrics_Connected
//	debezium_metrics_MilliSecondsBehindSource
//	debezium_metrics_MilliSecondsBehindSourceMinValue
//	debezium_metrics_MilliSecondsBehindSourceMaxValue
//	debezium_metrics_MilliSecondsBehindSourceAverageValue
//	debezium_metrics_MilliSecondsBehindSourceP50
//	debezium_metrics_MilliSecondsBehindSourceP95
//	debezium_metrics_MilliSecondsBehindSourceP99
//	debezium_metrics_MilliSecondsSinceLastEvent
//	debezium_metrics_TotalNumberOfEventsSeen
//	debezium_metrics_TotalNumberOfCreateEventsSeen
//	debezium_metrics_TotalNumberOfUpdateEventsSeen
//	debezium_metrics_TotalNumberOfDeleteEventsSeen
//	debezium_metrics_NumberOfCommittedTransactions
//	debezium_metrics_NumberOfRolledBackTransactions
//	debezium_metrics_NumberOfDisconnects
//	debezium_metrics_BinlogPosition
//	debezium_metrics_IsGtidModeEnabled
//	debezium_metrics_CapturedTables
//	debezium_metrics_LastTransactionId{transaction_id}
//	debezium_metrics_QueueTotalCapacity
//	debezium_metrics_QueueRemainingCapacity
//	debezium_metrics_MaxQueueSizeInBytes
//	debezium_metrics_CurrentQueueSizeInBytes
//
// in the context snapshot:
//
//	debezium_metrics_TotalTableCount
//	debezium_metrics_RemainingTableCount
//	debezium_metrics_SnapshotRunning
//	debezium_metrics_SnapshotPaused
//	debezium_metrics_SnapshotAborted
//	debezium_metrics_SnapshotCompleted
//	debezium_metrics_SnapshotSkipped
//	debezium_metrics_SnapshotDurationInSeconds
//	debezium_metrics_RowsScanned{table}
//
// and in the context schema-history:
//
//	debezium_metrics_RecoveryStartTime
//	debezium_metrics_ChangesRecovered
//	debezium_metrics_ChangesApplied
//	debezium_metrics_MilliSecondsSinceLastRecoveredChange
//	debezium_metrics_MilliSecondsSinceLastAppliedChange
//
// Their queue is the records that Kafka has not acknowledged, in bytes.
//
// Of the applier:
//
//	firn_applier_rows_total{table,op}
//	firn_applier_records_total{table}
//	firn_applier_commits_total{table,result}
//	firn_applier_commit_duration_seconds{table}
//	firn_applier_commit_rows{table}
//	firn_applier_dead_letters_total{table}
//	firn_applier_schema_changes_total{table}
//	firn_applier_index_rebuilds_total{table}
//	firn_applier_maintenance_total{table,action,result}
//	firn_applier_lag_seconds{table}
//	firn_applier_offset_lag{table}
//	firn_applier_batch_bytes{table}
//	firn_applier_data_files{table}
//	firn_applier_delete_files{table}
//	firn_applier_delete_debt_rows{table}
//	firn_applier_index_keys{table}
//	firn_applier_index_bytes{table}
//	firn_applier_needs_snapshot{table}
//	firn_applier_stopped{table}
package telemetry
