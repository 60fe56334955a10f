"""What the planted store sells: build projects with their part types, brands, and what is not worth recommending."""

PROJECTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("engine build", ("Carburetors", "Intake Manifolds", "Camshafts", "Cylinder Heads", "Pistons", "Distributors")),
    (
        "brake upgrade",
        ("Brake Rotors", "Brake Calipers", "Brake Pads", "Master Cylinders", "Brake Lines", "Brake Boosters"),
    ),
    ("restoration", ("Emblems", "Weatherstripping", "Trim Moldings", "Bumpers", "Door Handles", "Carpet Kits")),
    ("off-road", ("Lift Kits", "Winches", "Skid Plates", "Light Bars", "Tires", "Recovery Kits")),
    ("audio", ("Head Units", "Speakers", "Amplifiers", "Subwoofers", "Wiring Kits", "Sound Deadening")),
    ("suspension", ("Coil Springs", "Shock Absorbers", "Control Arms", "Sway Bars", "Bushings", "Leaf Springs")),
    ("cooling", ("Radiators", "Electric Fans", "Water Pumps", "Thermostats", "Radiator Hoses", "Oil Coolers")),
    ("exhaust", ("Headers", "Mufflers", "Exhaust Systems", "Exhaust Pipes", "Gaskets", "Catalytic Converters")),
    ("interior", ("Seat Covers", "Carpet Kits", "Steering Wheels", "Gauges", "Shifters", "Seat Belts")),
    ("wheels and stance", ("Wheels", "Tires", "Wheel Adapters", "Lowering Kits", "Shock Absorbers", "Wheel Covers")),
    ("ignition", ("Distributors", "Ignition Coils", "Spark Plug Wires", "Alternators", "Batteries", "Ignition Boxes")),
    (
        "fuel injection",
        ("Fuel Injection Kits", "Fuel Pumps", "Fuel Tanks", "Fuel Regulators", "Throttle Bodies", "Gauges"),
    ),
    ("transmission", ("Transmissions", "Torque Converters", "Clutch Kits", "Flywheels", "Shifters", "Crossmembers")),
    ("lighting", ("Headlights", "Tail Lights", "LED Conversions", "Turn Signals", "Wiring Kits", "Light Bars")),
    (
        "air conditioning",
        ("Compressors", "Condensers", "Evaporators", "Blower Motors", "Heater Cores", "Control Panels"),
    ),
    (
        "forced induction",
        ("Superchargers", "Turbochargers", "Intercoolers", "Blow Off Valves", "Throttle Bodies", "Gauges"),
    ),
    ("body panels", ("Hoods", "Fenders", "Floor Pans", "Spoilers", "Bumpers", "Quarter Panels")),
    ("towing", ("Trailer Hitches", "Brake Controllers", "Air Springs", "Towing Mirrors", "Winches", "Wiring Kits")),
    ("rear axle", ("Differentials", "Ring and Pinion Sets", "Axle Shafts", "Driveshafts", "Leaf Springs", "Bearings")),
    (
        "steering",
        ("Steering Boxes", "Power Steering Pumps", "Tie Rods", "Steering Columns", "Steering Wheels", "Bushings"),
    ),
)
"""Hidden build projects and their part types. Neighbours share types, so a type alone does not give a project away."""

COMMODITY_TYPES = ("Fluids", "Hardware", "Shop Supplies")
"""Cheap consumables, bought again and again, and nothing one would put into an e-mail."""

SERVICE_TYPES = ("Gift Cards", "Shipping Protection", "Core Charges", "Installation Services")
"""Lines of an order that are not parts."""

BRANDS = (
    "Holley", "MSD", "Edelbrock", "ACDelco", "Wilwood", "Summit", "Moog", "Hooker",
    "Flowmaster", "Borla", "Bilstein", "KYB", "Hurst", "TCI", "Mallory", "Accel",
    "Be Cool", "Derale", "Dakota Digital", "AutoMeter", "Vintage Air", "Classic Instruments", "Scott Drake", "OER",
    "Warn", "Rugged Ridge", "Rancho", "Kicker", "RetroSound", "American Racing", "Cragar", "Coker",
    "FiTech", "Aeromotive", "Walbro", "Comp Cams", "Trick Flow", "Mr. Gasket",
)  # fmt: skip
"""Makers of parts."""

VARIANT_FINISHES = ("Black", "Chrome", "Polished", "Raw")
"""What the SKUs of one variant group differ in."""
