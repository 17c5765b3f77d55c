"""Papers from thirty years of recommender systems, and which of them the served version's algorithms follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from client.answers import AboutModel, Paper

NEIGHBOURS = "Neighbourhoods"
FACTORS = "Matrix factorisation"
IMPLICIT = "Implicit feedback and ranking"
CONTENT = "Content, tags and features"
LINEAR = "Linear and autoencoder models"
DEEP = "Deep and sequence models"
YARDSTICK = "Data and evaluation"
FAMILIES = (NEIGHBOURS, FACTORS, IMPLICIT, CONTENT, LINEAR, DEEP, YARDSTICK)


@dataclass(frozen=True)
class Milestone:
    """A paper that changed how recommendations are made; `algorithms` of the served version follow it."""

    year: int
    family: str
    name: str
    authors: str
    title: str
    venue: str
    url: str
    algorithms: tuple[str, ...] = ()


_ACM = "https://doi.org/10.1145/"
_ARXIV = "https://arxiv.org/abs/"

MILESTONES = (
    Milestone(1990, CONTENT, "Latent semantic analysis", "Deerwester, Dumais, Furnas, Landauer, Harshman",
              "Indexing by Latent Semantic Analysis", "JASIS",
              "https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9"),
    Milestone(1992, NEIGHBOURS, "Tapestry", "Goldberg, Nichols, Oki, Terry",
              "Using Collaborative Filtering to Weave an Information Tapestry", "CACM", _ACM + "138859.138867"),
    Milestone(1994, NEIGHBOURS, "GroupLens", "Resnick, Iacovou, Suchak, Bergstrom, Riedl",
              "GroupLens: An Open Architecture for Collaborative Filtering of Netnews", "CSCW", _ACM + "192844.192905"),
    Milestone(1997, CONTENT, "Fab", "Balabanović, Shoham",
              "Fab: Content-Based, Collaborative Recommendation", "CACM", _ACM + "245108.245124"),
    Milestone(1998, YARDSTICK, "Offline evaluation", "Breese, Heckerman, Kadie",
              "Empirical Analysis of Predictive Algorithms for Collaborative Filtering", "UAI", _ARXIV + "1301.7363"),
    Milestone(2001, NEIGHBOURS, "Item-based neighbours", "Sarwar, Karypis, Konstan, Riedl",
              "Item-Based Collaborative Filtering Recommendation Algorithms", "WWW", _ACM + "371920.372071"),
    Milestone(2003, NEIGHBOURS, "Amazon item to item", "Linden, Smith, York",
              "Amazon.com Recommendations: Item-to-Item Collaborative Filtering", "IEEE Internet Computing",
              "https://doi.org/10.1109/MIC.2003.1167344"),
    Milestone(2006, FACTORS, "Netflix Prize, Funk's SVD", "Funk",
              "Netflix Update: Try This at Home", "weblog",
              "https://sifter.org/~simon/journal/20061211.html"),
    Milestone(2007, FACTORS, "Probabilistic factorisation", "Salakhutdinov, Mnih",
              "Probabilistic Matrix Factorization", "NIPS",
              "https://papers.nips.cc/paper/2007/hash/d7322ed717dedf1eb4e6e52a37ea7bcd-Abstract.html"),
    Milestone(2007, FACTORS, "Variational factorisation", "Lim, Teh",
              "Variational Bayesian Approach to Movie Rating Prediction", "KDD Cup",
              "https://www.cs.uic.edu/~liub/KDD-cup-2007/proceedings/variational-Lim.pdf"),
    Milestone(2008, IMPLICIT, "Implicit ALS", "Hu, Koren, Volinsky",
              "Collaborative Filtering for Implicit Feedback Datasets", "ICDM",
              "https://doi.org/10.1109/ICDM.2008.22"),
    Milestone(2008, FACTORS, "SVD++", "Koren",
              "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model", "KDD",
              _ACM + "1401890.1401944"),
    Milestone(2009, FACTORS, "Netflix Prize won", "Koren, Bell, Volinsky",
              "Matrix Factorization Techniques for Recommender Systems", "IEEE Computer",
              "https://doi.org/10.1109/MC.2009.263"),
    Milestone(2009, IMPLICIT, "BPR", "Rendle, Freudenthaler, Gantner, Schmidt-Thieme",
              "BPR: Bayesian Personalized Ranking from Implicit Feedback", "UAI", _ARXIV + "1205.2618"),
    Milestone(2010, CONTENT, "Factorisation machines", "Rendle", "Factorization Machines", "ICDM",
              "https://doi.org/10.1109/ICDM.2010.127"),
    Milestone(2010, YARDSTICK, "Top-n evaluation", "Cremonesi, Koren, Turrin",
              "Performance of Recommender Algorithms on Top-N Recommendation Tasks", "RecSys",
              _ACM + "1864708.1864721"),
    Milestone(2011, LINEAR, "SLIM", "Ning, Karypis",
              "SLIM: Sparse Linear Methods for Top-N Recommender Systems", "ICDM",
              "https://doi.org/10.1109/ICDM.2011.134"),
    Milestone(2012, CONTENT, "Tag genome", "Vig, Sen, Riedl",
              "The Tag Genome: Encoding Community Knowledge to Support Novel Interaction", "ACM TiiS",
              _ACM + "2362394.2362395"),
    Milestone(2015, YARDSTICK, "MovieLens", "Harper, Konstan",
              "The MovieLens Datasets: History and Context", "ACM TiiS", _ACM + "2827872"),
    Milestone(2016, DEEP, "YouTube", "Covington, Adams, Sargin",
              "Deep Neural Networks for YouTube Recommendations", "RecSys", _ACM + "2959100.2959190"),
    Milestone(2016, DEEP, "GRU4Rec", "Hidasi, Karatzoglou, Baltrunas, Tikk",
              "Session-based Recommendations with Recurrent Neural Networks", "ICLR", _ARXIV + "1511.06939"),
    Milestone(2016, CONTENT, "Wide & Deep", "Cheng, Koc, Harmsen et al.",
              "Wide & Deep Learning for Recommender Systems", "DLRS", _ARXIV + "1606.07792"),
    Milestone(2017, DEEP, "Neural CF", "He, Liao, Zhang, Nie, Hu, Chua",
              "Neural Collaborative Filtering", "WWW", _ARXIV + "1708.05031"),
    Milestone(2018, LINEAR, "Mult-VAE", "Liang, Krishnan, Hoffman, Jebara",
              "Variational Autoencoders for Collaborative Filtering", "WWW", _ARXIV + "1802.05814"),
    Milestone(2018, DEEP, "SASRec", "Kang, McAuley", "Self-Attentive Sequential Recommendation", "ICDM",
              _ARXIV + "1808.09781"),
    Milestone(2019, LINEAR, "EASE", "Steck",
              "Embarrassingly Shallow Autoencoders for Sparse Data", "WWW", _ARXIV + "1905.03375"),
    Milestone(2019, DEEP, "BERT4Rec", "Sun, Liu, Wu, Pei, Lin, Ou, Jiang",
              "BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer", "CIKM",
              _ARXIV + "1904.06690"),
    Milestone(2019, YARDSTICK, "Are we making progress?", "Ferrari Dacrema, Cremonesi, Jannach",
              "Are We Really Making Much Progress? A Worrying Analysis of Recent Neural Recommendation Approaches",
              "RecSys", _ARXIV + "1907.06902"),
    Milestone(2020, DEEP, "LightGCN", "He, Deng, Wang, Li, Zhang, Wang",
              "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", "SIGIR",
              _ARXIV + "2002.02126"),
    Milestone(2021, LINEAR, "GF-CF", "Shen, Wu, Zhang, Shan, Zhang, Letaief, Li",
              "How Powerful is Graph Convolution for Recommendation?", "CIKM", _ARXIV + "2108.07567"),
    Milestone(2021, IMPLICIT, "iALS revisited", "Rendle, Krichene, Zhang, Koren",
              "Revisiting the Performance of iALS on Item Recommendation Benchmarks", "arXiv; RecSys 2022",
              _ARXIV + "2110.14037"),
    Milestone(2022, DEEP, "P5", "Geng, Liu, Fu, Ge, Zhang",
              "Recommendation as Language Processing (RLP): A Unified Pretrain, Personalized Prompt & Predict Paradigm",
              "RecSys", _ARXIV + "2203.13366"),
    Milestone(2023, DEEP, "Generative retrieval", "Rajput, Mehta, Singh et al.",
              "Recommender Systems with Generative Retrieval", "NeurIPS", _ARXIV + "2305.05065"),
    Milestone(2024, DEEP, "Generative recommenders", "Zhai, Liao, Liu et al.",
              "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative "
              "Recommendations",
              "ICML", _ARXIV + "2402.17152"),
)  # fmt: skip


def followed(about: Mapping[str, AboutModel], milestones: Sequence[Milestone] = MILESTONES) -> list[Milestone]:
    """Return the papers with the algorithms that follow each, and further papers that algorithms place themselves."""
    algorithms: dict[str, list[str]] = {}
    papers: dict[str, Paper] = {}
    for name, told in about.items():
        for paper in told.papers:
            algorithms.setdefault(paper.url, []).append(name)
            papers[paper.url] = paper
    shown = {milestone.url for milestone in milestones}
    further = [_placed(paper) for url, paper in papers.items() if url not in shown and paper.year is not None]
    return [replace(paper, algorithms=tuple(algorithms.get(paper.url, ()))) for paper in [*milestones, *further]]


def _placed(paper: Paper) -> Milestone:
    family = paper.family if paper.family in FAMILIES else IMPLICIT
    return Milestone(paper.year or 0, family, paper.name, paper.authors, paper.title, paper.venue, paper.url)
