//! The client side of `GetHubCard`.

use tonic::transport::Channel;

use super::proto::v1::GetHubCardRequest;
use super::proto::v1::bundle_service_client::BundleServiceClient;
use super::push_client::in_time;
use crate::sync::forward::UpstreamError;

/// A line to a hub that may be asked for its card.
pub struct CardClient {
    client: BundleServiceClient<Channel>,
}

impl CardClient {
    /// A client over a line.
    pub fn new(line: Channel) -> Self {
        Self {
            client: BundleServiceClient::new(line),
        }
    }

    /// The hub's card as it gives it.
    pub async fn fetch(&mut self) -> Result<Vec<u8>, UpstreamError> {
        let asking = self.client.get_hub_card(GetHubCardRequest {});
        Ok(in_time(asking).await?.into_inner().card)
    }
}
