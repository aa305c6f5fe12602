"""What autoencoder's page draws with: the lesson's decoder of a code of two numbers."""

import torch
import torch.nn.functional as F

import autoencoder

LATENT_DIM, STEPS = 2, 1600


def export() -> tuple[dict[str, torch.Tensor], str]:
    images, _, unseen, labels = autoencoder.load_digits("digits")
    images, unseen = images.flatten(start_dim=1), unseen.flatten(start_dim=1)  # (N, P)
    torch.manual_seed(0)
    network = autoencoder.SimpleAutoencoder(latent_dim=LATENT_DIM)
    autoencoder.train(network, images, STEPS)
    mean, directions = autoencoder.fit_pca(images, LATENT_DIM)
    with torch.no_grad():
        codes = network.encoder(unseen)  # (M, L)
        ours = F.mse_loss(network(unseen), unseen).item()
    pca = F.mse_loss(autoencoder.rebuild_with_pca(unseen, mean, directions), unseen)
    # The encoder stays here, and the digits travel as they were before they were
    # enlarged, 8 x 8: image = enlarge @ small @ enlarge.T.
    enlarge = F.interpolate(torch.eye(8)[None, None], size=(28, 8), mode="bilinear")
    enlarge = enlarge[0, 0]  # (28, 8)
    back = torch.linalg.pinv(enlarge)  # (8, 28)
    small = (16 * (back @ unseen.view(-1, 28, 28) @ back.T)).round() / 16  # (M, 8, 8)
    told = (
        f"It was trained on {len(images):,} small digits. On {len(unseen)} unseen ones"
    )
    told += f" its error is {ours:.4f}, and that of PCA with two numbers {pca:.4f}."
    tensors = {f"decoder.{k}": v for k, v in network.decoder.state_dict().items()}
    tensors |= {"codes": codes, "labels": labels.float(), "enlarge": enlarge}
    tensors |= {"small": small, "mean": mean, "directions": directions.contiguous()}
    return tensors, told
