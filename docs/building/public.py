"""Every public name, and the page of the reference that tells about it.

A test fails where a name is missing here, or here and not public. Pages are in the order of a
reader's way: what is fitted, how, and what comes of it.
"""

from typing import NamedTuple


class Group(NamedTuple):
    """Names of one module under a heading; "" for none."""

    module: str
    heading: str
    names: str  # separated by spaces


class Page(NamedTuple):
    """One page of the reference."""

    file: str
    title: str
    words: str
    groups: tuple[Group, ...]


# The modules whose `__all__` is public, beside `moonfield` itself, whose names are spelled `mf.X`.
MODULES = (
    "moonfield",
    "moonfield.applications.active",
    "moonfield.applications.growing",
    "moonfield.applications.pruning",
    "moonfield.applications.sparse",
    "moonfield.data",
    "moonfield.diagnostics",
    "moonfield.families",
    "moonfield.interop.flax",
    "moonfield.interop.pymc",
    "moonfield.likelihoods",
    "moonfield.networks",
    "moonfield.objectives",
    "moonfield.plot",
    "moonfield.priors",
)
NAMESPACES = ("applications", "data", "diagnostics", "families", "interop", "likelihoods", "nets")
NAMESPACES += ("objectives", "plot", "priors")  # names of `moonfield` that are modules

PAGES = (
    Page(
        "fitting",
        "Fitting",
        "One verb joins a model, rows and a method.",
        (
            Group("moonfield", "The verb", "fit"),
            Group("moonfield", "Batches", "UncertainRows AbstractSampler"),
            Group("moonfield", "Watching", "Tracker"),
            Group("moonfield", "Long fits", "Checkpoint"),
            Group("moonfield.data", "Streams: mf.data", "parquet arrays batches AbstractStream"),
            Group("moonfield.data", "For authors of streams", "AbstractReader Slice"),
            Group("moonfield", "Endings", "Result NonFiniteError MoonfieldWarning"),
        ),
    ),
    Page(
        "posterior",
        "Posterior and prediction",
        "What a fit returns, and what it says about new rows.",
        (
            Group("moonfield", "The posterior", "Posterior Diagnostics Summary"),
            Group("moonfield", "The prediction", "Prediction"),
            Group("moonfield", "Files", "load FileFormatError"),
            Group("moonfield.posterior", "A network's size", "Architecture"),
        ),
    ),
    Page(
        "models",
        "Models",
        "What can be fitted.",
        (
            Group("moonfield", "Networks", "BayesianNetwork HierarchicalNetwork Rows"),
            Group("moonfield", "Programs", "Program"),
            Group("moonfield.interop.pymc", "From PyMC", "program"),
            Group("moonfield.interop.flax", "From Flax", "network"),
            Group("moonfield", "The interface", "AbstractModel"),
        ),
    ),
    Page(
        "nets",
        "Networks: mf.nets",
        "Functions of one row. Any other Equinox module that maps a row to a vector does as well.",
        (
            Group(
                "moonfield.networks",
                "Networks",
                "MLP ResidualMLP ConvNet ResNet Recurrent pad Transformer Autoencoder",
            ),
            Group("moonfield.networks", "Layers", "Linear Convolution LayerNorm GroupNorm"),
            Group("moonfield.networks", "Made from other networks", "Expanded Grouped Modes"),
            Group(
                "moonfield.networks",
                "For authors of networks",
                "linear convolution patches activation ACTIVATIONS weights_of with_weights chosen "
                "check_network check_rows layer_output layer_names check_layer describe build "
                "check_description",
            ),
            Group(
                "moonfield.networks",
                "Draws for each row",
                "Plan plan_rows row_outputs numbers_of",
            ),
        ),
    ),
    Page(
        "priors",
        "Priors: mf.priors",
        "Any NumPyro distribution of one number is a prior of every weight. A table from paths to "
        "distributions and entries is a prior as well.",
        (
            Group("moonfield.priors", "Distributions", "Normal Laplace StudentT Cauchy HalfNormal"),
            Group(
                "moonfield.priors",
                "Entries of a table",
                "Scaled LearnedScale Horseshoe RegularisedHorseshoe SpikeAndSlab ScaleMixture "
                "AdaptiveWidth Informed",
            ),
            Group("moonfield.priors", "Whole priors", "Independent Hierarchy AdaptiveDepth Pruned"),
            Group(
                "moonfield.priors",
                "For authors of priors",
                "AbstractPrior AbstractEntry Latents Entry as_prior check_positive middle fan_in "
                "block_of existing gate_of DEPTH GATE",
            ),
        ),
    ),
    Page(
        "likelihoods",
        "Likelihoods: mf.likelihoods",
        "The distribution of a row's target given the network's outputs.",
        (
            Group("moonfield.likelihoods", "Classes", "Bernoulli Categorical"),
            Group("moonfield.likelihoods", "Numbers", "Normal StudentT MixtureDensity Head"),
            Group("moonfield.likelihoods", "Counts", "Poisson NegativeBinomial"),
            Group("moonfield.likelihoods", "The interface", "AbstractLikelihood"),
        ),
    ),
    Page(
        "methods",
        "Methods",
        "How a posterior is found. A method is given to `mf.fit` as an object, or by its name.",
        (
            Group("moonfield", "Variational inference", "ADVI IVON DADVI"),
            Group("moonfield", "Modes and their curvature", "MAP Laplace Pathfinder"),
            Group("moonfield", "Particles and ensembles", "Ensemble SVGD ASVGD"),
            Group("moonfield", "Independent draws", "ImportanceSampling"),
            Group("moonfield", "Chains", "NUTS MCLMC SGHMC"),
        ),
    ),
    Page(
        "families",
        "Families: mf.families",
        "What q can be.",
        (
            Group(
                "moonfield.families",
                "Families",
                "MeanField FullRank LowRank Kronecker StudentT Mixture Flow Point SpikeAndSlab "
                "AdaptiveDepth Partial",
            ),
            Group("moonfield", "With an encoder", "Amortised"),
            Group(
                "moonfield.families",
                "What other methods return",
                "Variational Gaussian Conditional KroneckerGaussian KroneckerBlock Members "
                "Particles Sampler Enlarged AbstractApproximation",
            ),
            Group(
                "moonfield.families",
                "Variational parameters",
                "MeanFieldState FullRankState LowRankState KroneckerState StudentTState "
                "MixtureState FlowState PointState PartialState AdaptiveDepthState AmortisedState "
                "SamplerState",
            ),
            Group(
                "moonfield.families",
                "For authors of families",
                "AbstractFamily Amortised LocalDraws FAMILIES full_rank_state first_sampler push "
                "has_depth",
            ),
            Group(
                "moonfield.families",
                "Importance weights",
                "psis Smoothed systematic weighted_moments",
            ),
        ),
    ),
    Page(
        "objectives",
        "Objectives: mf.objectives",
        "How the ELBO, or another bound, is estimated.",
        (
            Group(
                "moonfield.objectives",
                "The ELBO",
                "Reparameterised StickingTheLanding AnalyticKL LocalReparameterisation Flipout",
            ),
            Group(
                "moonfield.objectives",
                "Other objectives",
                "Tempered ImportanceWeighted Renyi KernelStein",
            ),
            Group(
                "moonfield.objectives",
                "For authors of objectives",
                "AbstractObjective LogJoint log_joint log_joint_of",
            ),
        ),
    ),
    Page(
        "diagnostics",
        "Diagnostics: mf.diagnostics",
        "Whether an approximation is to be trusted, and how good its predictions are.",
        (
            Group(
                "moonfield.diagnostics",
                "The approximation",
                "importance Importance sbc Calibration compare Comparison check_approximation "
                "check_chains check_predictions Check disagreement is_clear",
            ),
            Group(
                "moonfield.diagnostics",
                "Scores",
                "log_score crps brier accuracy rmse r2 Score",
            ),
            Group(
                "moonfield.diagnostics",
                "Calibration",
                "ece ece_by_chance reliability ReliabilityCurve pit coverage sharpness "
                "coverage_curve",
            ),
            Group(
                "moonfield.diagnostics",
                "Recalibration",
                "Temperature IsotonicQuantiles Conformal ClassProbabilities RecalibratedNumbers "
                "ConformalIntervals",
            ),
            Group(
                "moonfield.diagnostics",
                "Selective prediction",
                "auroc_of_errors auroc_of_outliers risk_coverage RiskCoverage",
            ),
            Group(
                "moonfield.diagnostics",
                "Inputs and layers",
                "relevance Relevance inclusion Inclusion gated_paths cka Representations",
            ),
            Group(
                "moonfield.diagnostics",
                "Baselines",
                "class_baseline number_baseline Marginal Predicted",
            ),
        ),
    ),
    Page(
        "estimators",
        "scikit-learn estimators",
        "Estimators that standardise inside, stop by themselves and work in pipelines and grids.",
        (Group("moonfield", "", "BayesianMLPClassifier BayesianMLPRegressor"),),
    ),
    Page(
        "applications",
        "Applications: mf.applications",
        "What uncertainty is good for.",
        (
            Group(
                "moonfield.applications.active",
                "Active learning",
                "learn ActiveLearning Round as_acquisition settled",
            ),
            Group("moonfield.applications.growing", "Widths", "grow Growth Stage"),
            Group("moonfield.applications.pruning", "Pruning", "prune curve PruningCurve"),
            Group("moonfield.applications.sparse", "Fewer inputs", "select_inputs Selected"),
        ),
    ),
    Page(
        "figures",
        "Figures and reports",
        "Each function of `mf.plot` draws on matplotlib axes, its own or the given `ax`, and "
        "returns them.",
        (
            Group(
                "moonfield.plot",
                "Figures: mf.plot",
                "surface elbo predictions data weights relevance similarity units pruning",
            ),
            Group("moonfield", "Reports", "report"),
        ),
    ),
)
