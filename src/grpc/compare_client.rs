//! The client side of `Compare`: the line of a lower end to its upper end.

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use uuid::Uuid;

use super::compare_messages::{read_digest, read_looked, read_repair, write_ids, write_report};
use super::convert::{read_kind, write_kind};
use super::proto::v1;
use super::proto::v1::compare_request::Step;
use super::proto::v1::compare_response::Answer;
use super::proto::v1::compare_service_client::CompareServiceClient;
use super::push_client::in_time;
use super::status::read_upstream_error;
use crate::domain::comparison::{ComparisonReport, Repair, UpperRecord};
use crate::domain::record::{RecordId, RecordKind};
use crate::sync::comparison::MESSAGE_BYTES_MAX;
use crate::sync::comparison::lower::{KindDigest, UpperEnd};
use crate::sync::comparison::runner::ComparisonRequests;
use crate::sync::forward::UpstreamError;

/// Bytes that gRPC puts before each message.
const FRAME_BYTES: usize = 5;
/// Largest answer that a client reads, in bytes: a thousand looked-at records, or a message of
/// reconciliation, with room to spare.
const ANSWER_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

const NONSENSE: UpstreamError =
    UpstreamError::Nonsense("its answer is none to the step of the comparison");

/// A line to the upper end of a comparison.
pub struct CompareClient {
    client: CompareServiceClient<Channel>,
    comparing: Option<Comparing>,
    traffic_bytes: usize,
}

struct Comparing {
    comparison: Uuid,
    steps: mpsc::Sender<v1::CompareRequest>,
    answers: Streaming<v1::CompareResponse>,
}

impl CompareClient {
    /// A client over a line.
    pub fn new(line: Channel) -> Self {
        let client = CompareServiceClient::new(line).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self {
            client,
            comparing: None,
            traffic_bytes: 0,
        }
    }

    async fn begin(&mut self, comparison: Uuid) -> Result<Comparing, UpstreamError> {
        let (steps, outgoing) = mpsc::channel(1);
        let opening = self.client.compare(ReceiverStream::new(outgoing));
        let answers = in_time(opening).await?.into_inner();
        Ok(Comparing {
            comparison,
            steps,
            answers,
        })
    }

    /// Takes a step and gives its answer. After an error the stream is given up.
    async fn step(&mut self, step: Step) -> Result<Answer, UpstreamError> {
        let mut comparing = self.comparing.take().ok_or(NONSENSE)?;
        let request = v1::CompareRequest { step: Some(step) };
        self.traffic_bytes += FRAME_BYTES + request.encoded_len();
        // If the stream has ended, its status says why.
        drop(comparing.steps.send(request).await);
        let answer = in_time(comparing.answers.message()).await?;
        let answer = answer.ok_or(UpstreamError::Nonsense(
            "it ended the comparison before it had answered",
        ))?;
        self.traffic_bytes += FRAME_BYTES + answer.encoded_len();
        self.comparing = Some(comparing);
        answer.answer.ok_or(NONSENSE)
    }
}

impl UpperEnd for CompareClient {
    async fn open(&mut self, comparison: Uuid) -> Result<Vec<KindDigest>, UpstreamError> {
        let held = self.comparing.take();
        let same = held.filter(|held| held.comparison == comparison);
        let comparing = if let Some(comparing) = same {
            comparing
        } else {
            self.traffic_bytes = 0;
            self.begin(comparison).await?
        };
        self.comparing = Some(comparing);
        let comparison_id = comparison.to_string();
        let opening = v1::CompareOpening { comparison_id };
        match self.step(Step::Opening(opening)).await? {
            Answer::Digests(digests) => {
                let kinds = digests.kinds.into_iter().map(read_digest);
                kinds.collect::<Option<_>>().ok_or(NONSENSE)
            }
            Answer::Message(_) | Answer::Looked(_) | Answer::Noted(_) => Err(NONSENSE),
        }
    }

    async fn reconcile(
        &mut self,
        kind: RecordKind,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, UpstreamError> {
        let message = v1::CompareMessage {
            kind: write_kind(kind).into(),
            content: message,
        };
        match self.step(Step::Message(message)).await? {
            Answer::Message(answer) if read_kind(answer.kind) == Some(kind) => Ok(answer.content),
            Answer::Message(_) | Answer::Digests(_) | Answer::Looked(_) | Answer::Noted(_) => {
                Err(NONSENSE)
            }
        }
    }

    async fn look(
        &mut self,
        kind: RecordKind,
        records: &[RecordId],
    ) -> Result<Vec<UpperRecord>, UpstreamError> {
        let look = v1::CompareLook {
            kind: write_kind(kind).into(),
            record_ids: write_ids(records),
        };
        let looked = match self.step(Step::Look(look)).await? {
            Answer::Looked(looked) => looked.records,
            Answer::Message(_) | Answer::Digests(_) | Answer::Noted(_) => return Err(NONSENSE),
        };
        let found: Option<Vec<UpperRecord>> = looked.iter().map(read_looked).collect();
        let found = found.ok_or(NONSENSE)?;
        let named = found.iter().map(|row| &row.record);
        if named.eq(records) {
            Ok(found)
        } else {
            Err(NONSENSE)
        }
    }

    async fn report(&mut self, report: &ComparisonReport) -> Result<(), UpstreamError> {
        let answer = self.step(Step::Report(write_report(report))).await?;
        self.comparing = None;
        match answer {
            Answer::Noted(_) => Ok(()),
            Answer::Message(_) | Answer::Digests(_) | Answer::Looked(_) => Err(NONSENSE),
        }
    }

    fn traffic_bytes(&self) -> u64 {
        u64::try_from(self.traffic_bytes).unwrap_or(u64::MAX)
    }
}

/// A line on which the hub above asks for comparisons.
pub struct ComparisonRequestsClient {
    client: CompareServiceClient<Channel>,
    asked: Option<Streaming<v1::FollowComparisonsResponse>>,
}

impl ComparisonRequestsClient {
    /// A client over a line.
    pub fn new(line: Channel) -> Self {
        Self {
            client: CompareServiceClient::new(line),
            asked: None,
        }
    }
}

impl ComparisonRequests for ComparisonRequestsClient {
    async fn next(&mut self) -> Result<(Uuid, Repair), UpstreamError> {
        let mut asked = if let Some(asked) = self.asked.take() {
            asked
        } else {
            let request = v1::FollowComparisonsRequest {};
            in_time(self.client.follow_comparisons(request))
                .await?
                .into_inner()
        };
        let next = asked.message().await;
        let next = next.map_err(|status| read_upstream_error(&status))?;
        let next = next.ok_or(UpstreamError::Nonsense("it ended the stream of requests"))?;
        self.asked = Some(asked);
        let comparison = next.comparison_id.parse().map_err(|_| NONSENSE)?;
        let repair = read_repair(next.repair).ok_or(NONSENSE)?;
        Ok((comparison, repair))
    }
}
