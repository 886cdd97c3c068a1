"""What people decided about themes, as the stream takes it: with expected wordings read by the encoder."""

from models.database import Session
from models.language.events import Constraints
from models.queries import embeddings, theme_acts, workspaces
from models.records import Encoder
from workers.context import Context


def read_seeds(context: Context, workspace: int) -> None:
    """Encode the wordings that people expect in themes and that the workspace's encoder has not read yet."""
    with context.database.read(workspace=workspace) as session:
        encoder = workspaces.encoder_of(session, workspace=workspace)
        if encoder is None:
            return  # they wait for the first ticket, which binds the workspace to its encoder
        number = encoder.id
        choice = workspaces.chosen_encoder(session, workspace=workspace)
        seeds = theme_acts.unread_seeds(session, workspace=workspace, encoder=number)
    if not seeds:
        return
    vectors = context.encoder(choice).encode([seed.text for seed in seeds])
    packed = {seed.id: embeddings.pack(vector) for seed, vector in zip(seeds, vectors, strict=True)}
    with context.database.write(workspace=workspace) as session:
        theme_acts.put_seed_vectors(session, workspace=workspace, encoder=number, vectors=packed)


def constraints(session: Session, *, workspace: int, encoder: Encoder) -> Constraints:
    """Return what refits must obey today."""
    found = theme_acts.decided(session, workspace=workspace, encoder=encoder.id)
    return Constraints(
        pinned=found.pinned,
        kept=found.kept,
        apart=found.apart,
        held=found.held,
        settled=found.settled,
        seeds={
            theme: embeddings.unpack(vectors, encoder.dimension) for theme, vectors in found.seeds.items()
        },
    )
