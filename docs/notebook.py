# %% [markdown]
# # The model, as a notebook
#
# Made by `make notebook` from the model that `make train` left and the figures that `make evaluate` wrote;
# make it again after either.
# %%

import numpy as np

from adapters import model_artifact
from adapters.settings import settings
from experiments import measured
from experiments.evaluation.command import PAGE, workspace
from experiments.evaluation.sets import load_sets

where = workspace(settings())
model = model_artifact.load(where.folder / "model", where.key)
manifest = model.manifest
print(
    f"{len(manifest.feature_names)} features, fitted on {manifest.trained_from} to {manifest.trained_until}"
)
# %% [markdown]
# ## How good it is, on months it has never seen
# %%
found = measured.read(settings(), "evaluation", PAGE.parent)
for lead, v in sorted(found["by_lead"].items(), key=lambda item: int(item[0])):
    print(
        f"{lead:>5} min before: AUC {v['auc']:.3f} ({v['auc_low']:.3f} to {v['auc_high']:.3f}), "
        f"log-loss {v['log_loss']:.3f}, {v['n']:.0f} questions"
    )
# %% [markdown]
# ## One flight, asked about until it leaves
#
# From the test's questions: a flight that arrived more than two hours late.
# %%
sets = load_sets(where.plan, where.data_dir, where.folder, lambda *progress: None)
flight = sets.test.flight_id[(sets.test.lead == 60) & (sets.test_delay > 120)][100]
asked = sets.test.take(sets.test.flight_id == flight)
delay = sets.test_delay[sets.test.flight_id == flight][0]
print(f"{flight} to {asked.dest[0]} arrived {delay} minutes late")
for lead, p in sorted(zip(asked.lead, model.probability(asked.X), strict=True), reverse=True):
    print(f"{lead:>5} min before: {p:.0%}")
# %% [markdown]
# ## Why: the largest shares of the log-odds, an hour before
# %%
an_hour_before = asked.take(asked.lead == 60)
shares = model.contributions(an_hour_before.X)[0]
for i in np.argsort(-np.abs(shares[:-1]))[:8]:
    print(f"{shares[i]:+.2f}  {manifest.feature_names[i]} = {an_hour_before.X[0, i]:.4g}")
log_odds = shares.sum()
print(f"all shares and the constant: {log_odds:+.3f}, a probability of {1 / (1 + np.exp(-log_odds)):.1%}")
# %% [markdown]
# ## Whether its probabilities can be believed
# %%
from matplotlib import pyplot

figure, axes = pyplot.subplots(figsize=(4, 4))
axes.plot([0, 1], [0, 1], color="grey")
axes.plot(found["reliability"]["predicted"], found["reliability"]["observed"], marker="o")
axes.set(xlabel="predicted share late", ylabel="observed share late")
pyplot.show()
